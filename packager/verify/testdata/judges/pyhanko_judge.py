"""Asks pyHanko about every signature of the PDFs named and prints a line each:
the file, then "holds" or what is wrong. Trust in the signers is not asked: the
samples' authorities are nobody's."""
import logging
import sys

from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation import validate_pdf_signature, validate_pdf_timestamp
from pyhanko_certvalidator import ValidationContext

logging.disable(logging.CRITICAL)


def judge(path, strict=True):
    with open(path, "rb") as f:
        reader = PdfFileReader(f, strict=strict)
        signatures = list(reader.embedded_regular_signatures)
        stamps = list(reader.embedded_timestamp_signatures)
        if not signatures and not stamps:
            return "no signature"
        wrong = []
        for s in signatures + stamps:
            context = ValidationContext(trust_roots=[], allow_fetching=False)
            check = validate_pdf_timestamp if s in stamps else validate_pdf_signature
            status = check(s, context)
            if not status.intact:
                wrong.append("digest")
            if not status.valid:
                wrong.append("signature")
            if status.modification_level == ModificationLevel.OTHER:
                wrong.append("changed later")
            if status.docmdp_ok is False:
                wrong.append("DocMDP")
        return ", ".join(sorted(set(wrong))) or "holds"


for path in sys.argv[1:]:
    try:
        try:
            answer = judge(path)
        except SignatureValidationError as e:
            if "hybrid" not in str(e):
                raise
            answer = judge(path, strict=False) + " (hybrid file, not strict)"
    except Exception as e:  # whatever it is, it is a refusal
        answer = "refuses: " + type(e).__name__
    print(path + "\t" + answer)
