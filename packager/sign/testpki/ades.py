"""Validates the signatures of PDFs with pyHanko in strict mode.

usage: ades.py ROOT.der LEVEL=FILE...

Prints what it finds and exits with 1 if a signature does not pass. Nothing is
fetched: from B-LT on a file has to bring its own evidence, and B-LTA has to
hold fifteen years later, when the signer's certificate has ended. The level
"extended" is a B-B signature with document timestamps: pyHanko's AdES levels
know timestamps of the signature only, so it is checked as B-B, and each
document timestamp by itself.
"""
import asyncio
import dataclasses
import sys
from datetime import datetime, timedelta, timezone

from asn1crypto import x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.report import AdESPassed
from pyhanko.sign.validation import ades, async_validate_pdf_signature, async_validate_pdf_timestamp
from pyhanko.sign.validation.policy_decl import (
    PdfSignatureValidationSpec, RevinfoOnlineFetchingRule, RevocationInfoGatheringSpec, SignatureValidationSpec)
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.ltv.types import ValidationTimingInfo
from pyhanko_certvalidator.policy_decl import NO_REVOCATION, REQUIRE_REVINFO, CertRevTrustPolicy
from pyhanko_certvalidator.registry import SimpleTrustManager


def spec(root, policy):
    trust = SimpleTrustManager.build(trust_roots=[root])
    return SignatureValidationSpec(
        cert_validation_policy=CertValidationPolicySpec(trust_manager=trust, revinfo_policy=CertRevTrustPolicy(policy)),
        revinfo_gathering_policy=RevocationInfoGatheringSpec(online_fetching_rule=RevinfoOnlineFetchingRule.LOCAL_ONLY))


async def judge(sig, level, root, when):
    """Returns the AdES result and, for B-LTA, the one of the future."""
    timing = ValidationTimingInfo(validation_time=when, best_signature_time=when, point_in_time_validation=True)
    digest = sig.compute_digest()
    if level in ('B-B', 'extended'):
        return await ades.ades_basic_validation(sig.signed_data, spec(root, NO_REVOCATION), timing_info=timing, raw_digest=digest), None
    if level == 'B-T':
        return await ades.ades_with_time_validation(sig.signed_data, spec(root, NO_REVOCATION), timing_info=timing, raw_digest=digest), None
    if level == 'B-LT':
        with_store = dataclasses.replace(spec(root, REQUIRE_REVINFO), local_knowledge=ades._dss_to_local_knowledge(sig.reader))
        return await ades.ades_with_time_validation(sig.signed_data, with_store, timing_info=timing, raw_digest=digest), None
    pdf_spec = PdfSignatureValidationSpec(spec(root, REQUIRE_REVINFO))
    now = await ades.ades_lta_validation(sig, pdf_spec, timing_info=timing)
    later = await ades.simulate_future_ades_lta_validation(sig, pdf_spec, when + timedelta(days=365 * 15), current_reference_time=when)
    return now, later


async def check(path, level, root, when):
    good = True
    with open(path, 'rb') as f:
        reader = PdfFileReader(f, strict=True)
        for sig in reader.embedded_regular_signatures:
            context = ValidationContext(trust_roots=[root], moment=when, allow_fetching=False, revocation_mode='soft-fail')
            status = await async_validate_pdf_signature(sig, context)
            now, later = await judge(sig, level, root, when)
            passed = all(isinstance(r.ades_subindic, AdESPassed) for r in (now, later) if r is not None)
            good = good and passed and status.bottom_line
            print(level, sig.field_name, 'passed', passed, 'bottom line', status.bottom_line, now.ades_subindic, later and later.ades_subindic,
                  'coverage', status.coverage.name, 'changes', status.modification_level.name,
                  'docmdp', status.docmdp_ok, 'time', getattr(now, 'best_signature_time', None))
        for stamp in reader.embedded_timestamp_signatures:
            context = ValidationContext(trust_roots=[root], moment=when, allow_fetching=False, revocation_mode='soft-fail')
            status = await async_validate_pdf_timestamp(stamp, context)
            sound = status.intact and status.valid and status.trusted
            good = good and sound
            print('timestamp', stamp.field_name, 'sound', sound, 'coverage', status.coverage.name)
        print('signatures', len(reader.embedded_regular_signatures), 'timestamps', len(reader.embedded_timestamp_signatures))
    return good


async def main(root_path, when, files):
    with open(root_path, 'rb') as f:
        root = x509.Certificate.load(f.read())
    results = [await check(path, level, root, when) for level, path in (f.split('=', 1) for f in files)]
    return all(results)

sys.exit(0 if asyncio.run(main(sys.argv[1], datetime.now(timezone.utc), sys.argv[2:])) else 1)
