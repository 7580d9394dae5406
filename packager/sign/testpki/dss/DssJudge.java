import eu.europa.esig.dss.enumerations.Indication;
import eu.europa.esig.dss.model.FileDocument;
import eu.europa.esig.dss.service.crl.OnlineCRLSource;
import eu.europa.esig.dss.service.ocsp.OnlineOCSPSource;
import eu.europa.esig.dss.simplereport.SimpleReport;
import eu.europa.esig.dss.spi.DSSUtils;
import eu.europa.esig.dss.spi.validation.CommonCertificateVerifier;
import eu.europa.esig.dss.spi.x509.CommonTrustedCertificateSource;
import eu.europa.esig.dss.validation.SignedDocumentValidator;

import java.io.File;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;

/**
 * Judges PDFs with the European Commission's Digital Signature Service.
 *
 * <p>usage: DssJudge ROOT.der|- TIME|now offline|online FILE...
 *
 * <p>Prints a line for every signature and timestamp: file, "signature" or
 * "timestamp", DSS's name for the format, its indication, its sub-indication,
 * its errors. Fields are separated by tabs. TIME (RFC 3339) is what it judges by.
 * Offline, a file has to bring its own evidence.
 */
public final class DssJudge {
    public static void main(String[] args) {
        Instant at = args[1].equals("now") ? Instant.now() : Instant.parse(args[1]);
        for (int i = 3; i < args.length; i++) {
            try {
                judge(args[i], args[0], Date.from(at), args[2].equals("online"));
            } catch (RuntimeException e) {
                say(args[i], "refused", "", "", "", e.getClass().getSimpleName() + ": " + e.getMessage());
            }
        }
    }

    private static void judge(String file, String root, Date at, boolean online) {
        CommonCertificateVerifier verifier = new CommonCertificateVerifier();
        if (!root.equals("-")) {
            CommonTrustedCertificateSource trusted = new CommonTrustedCertificateSource();
            trusted.addCertificate(DSSUtils.loadCertificate(new File(root)));
            verifier.addTrustedCertSources(trusted);
        }
        verifier.setAIASource(null);
        if (online) {
            verifier.setOcspSource(new OnlineOCSPSource());
            verifier.setCrlSource(new OnlineCRLSource());
        }
        SignedDocumentValidator validator = SignedDocumentValidator.fromDocument(new FileDocument(file));
        validator.setCertificateVerifier(verifier);
        validator.setValidationTime(at);
        SimpleReport report = validator.validateDocument().getSimpleReport();
        for (String id : report.getSignatureIdList()) {
            line(file, "signature", String.valueOf(report.getSignatureFormat(id)), report, id);
        }
        for (String id : report.getTimestampIdList()) {
            line(file, "timestamp", "", report, id);
        }
        if (report.getSignatureIdList().isEmpty()) {
            say(file, "none", "", "", "", "");
        }
    }

    private static void line(String file, String kind, String format, SimpleReport report, String id) {
        List<String> errors = new ArrayList<>();
        report.getAdESValidationErrors(id).forEach(m -> errors.add(m.getValue()));
        Indication indication = report.getIndication(id);
        Object sub = report.getSubIndication(id);
        say(file, kind, format, String.valueOf(indication), sub == null ? "" : sub.toString(), String.join(" | ", errors));
    }

    private static void say(String... fields) {
        System.out.println(String.join("\t", fields).replace('\n', ' '));
    }
}
