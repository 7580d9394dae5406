import org.apache.poi.openxml4j.opc.OPCPackage;
import org.apache.poi.openxml4j.opc.PackageAccess;
import org.apache.poi.openxml4j.opc.PackagePart;
import org.apache.poi.openxml4j.opc.PackageRelationship;
import org.apache.poi.openxml4j.opc.PackagingURIHelper;
import org.apache.poi.openxml4j.opc.TargetMode;
import org.apache.poi.schemas.ooxml.system.ooxml.TypeSystemHolder;
import org.apache.poi.ss.usermodel.Cell;
import org.apache.poi.ss.usermodel.CellType;
import org.apache.poi.ss.usermodel.FormulaEvaluator;
import org.apache.poi.ss.usermodel.Hyperlink;
import org.apache.poi.ss.usermodel.Name;
import org.apache.poi.ss.usermodel.Row;
import org.apache.poi.ss.util.CellRangeAddress;
import org.apache.poi.xssf.usermodel.XSSFSheet;
import org.apache.poi.xssf.usermodel.XSSFWorkbook;
import org.apache.xmlbeans.XmlCursor;
import org.apache.xmlbeans.XmlError;
import org.apache.xmlbeans.XmlObject;
import org.apache.xmlbeans.XmlOptions;

import javax.xml.namespace.QName;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Enumeration;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Judges workbooks with Apache POI by what makes Excel offer a repair: parts
 * that break the schemas of ECMA-376, relationships that lead nowhere, types
 * that are not declared, names that are there twice, ranges that overlap,
 * styles that do not exist. Formulas are calculated and compared with the
 * values that stand beside them.
 *
 * <p>usage: WorkbookJudge FILE...
 *
 * <p>Prints one line a file, "file TAB judged TAB parts TAB cells TAB
 * formulas", and before it one line for each fault, "file TAB fault TAB what".
 */
public final class WorkbookJudge {
    private static String file;

    public static void main(String[] args) throws Exception {
        for (String arg : args) {
            file = arg;
            try {
                judge();
            } catch (Exception e) {
                fault("refused: " + e);
            }
        }
    }

    private static void judge() throws Exception {
        zip();
        int parts = 0;
        int[] cells = new int[2];
        try (OPCPackage pkg = OPCPackage.open(file, PackageAccess.READ)) {
            relations("/", pkg.getRelationships(), pkg);
            for (PackagePart part : pkg.getParts()) {
                if (part.isRelationshipPart()) {
                    continue;
                }
                parts++;
                relations(part.getPartName().getName(), part.getRelationships(), pkg);
                if (part.getContentType().endsWith("+xml") && !part.getContentType().contains("core-properties")) {
                    schema(part);
                }
            }
            workbook(new XSSFWorkbook(pkg), cells);
        }
        System.out.println(file + "\tjudged\t" + parts + "\t" + cells[0] + "\t" + cells[1]);
    }

    /** No part is there twice, also when case does not count. */
    private static void zip() throws Exception {
        Set<String> seen = new HashSet<>();
        try (ZipFile z = new ZipFile(file)) {
            for (Enumeration<? extends ZipEntry> e = z.entries(); e.hasMoreElements();) {
                String name = e.nextElement().getName();
                if (!seen.add(name.toLowerCase(Locale.ROOT))) {
                    fault("part twice: " + name);
                }
            }
        }
    }

    private static void relations(String from, Iterable<PackageRelationship> all, OPCPackage pkg) throws Exception {
        Set<String> ids = new HashSet<>();
        for (PackageRelationship r : all) {
            if (!ids.add(r.getId())) {
                fault(from + ": relationship twice: " + r.getId());
            }
            if (r.getTargetMode() == TargetMode.INTERNAL && pkg.getPart(PackagingURIHelper.createPartName(r.getTargetURI())) == null) {
                fault(from + ": leads nowhere: " + r.getTargetURI());
            }
        }
    }

    private static void schema(PackagePart part) throws Exception {
        try (InputStream in = part.getInputStream()) {
            XmlObject doc = TypeSystemHolder.typeSystem.parse(in, null, new XmlOptions().setLoadLineNumbers());
            if (doc.schemaType().isNoType()) {
                fault(part.getPartName() + ": no type of ECMA-376");
                return;
            }
            ignore(doc);
            List<XmlError> errors = new ArrayList<>();
            doc.validate(new XmlOptions().setErrorListener(errors));
            for (XmlError e : errors) {
                fault(part.getPartName() + ":" + e.getLine() + ": " + e.getMessage());
            }
        }
    }

    /** Takes off what a reader that does not know it has to ignore (ECMA-376 part 3). */
    private static void ignore(XmlObject doc) {
        final String mc = "http://schemas.openxmlformats.org/markup-compatibility/2006";
        XmlCursor c = doc.newCursor();
        c.toFirstChild();
        String list = c.getAttributeText(new QName(mc, "Ignorable"));
        Set<String> ignorable = new HashSet<>(List.of(mc));
        for (String prefix : list == null ? new String[0] : list.trim().split("\\s+")) {
            ignorable.add(c.namespaceForPrefix(prefix));
        }
        for (; !c.toNextToken().isEnddoc();) {
            while (c.isAttr() && ignorable.contains(c.getName().getNamespaceURI())) {
                c.removeXml();
            }
        }
        c.close();
    }

    private static void workbook(XSSFWorkbook book, int[] cells) {
        Set<String> names = new HashSet<>();
        for (Name n : book.getAllNames()) {
            if (!names.add((n.getNameName() + "@" + n.getSheetIndex()).toLowerCase(Locale.ROOT))) {
                fault("name twice: " + n.getNameName());
            }
            if (n.getRefersToFormula().contains("#REF!")) {
                fault("name leads nowhere: " + n.getNameName());
            }
        }
        FormulaEvaluator evaluator = book.getCreationHelper().createFormulaEvaluator();
        Set<String> sheets = new HashSet<>();
        for (int i = 0; i < book.getNumberOfSheets(); i++) {
            XSSFSheet sheet = book.getSheetAt(i);
            String name = sheet.getSheetName();
            if (!sheets.add(name.toLowerCase(Locale.ROOT)) || name.length() > 31 || name.matches(".*[\\[\\]:*?/\\\\].*")) {
                fault("name of a sheet: " + name);
            }
            ranges(sheet);
            int last = -1;
            for (Row row : sheet) {
                if (row.getRowNum() <= last) {
                    fault(name + ": rows out of order");
                }
                last = row.getRowNum();
                if (row.getHeightInPoints() > 409.5) {
                    fault(name + ": a row of " + row.getHeightInPoints() + " points");
                }
                for (Cell cell : row) {
                    cells[0]++;
                    cell(book, cell, evaluator, cells);
                }
            }
        }
    }

    private static void cell(XSSFWorkbook book, Cell cell, FormulaEvaluator evaluator, int[] cells) {
        String at = cell.getSheet().getSheetName() + "!" + cell.getAddress();
        if (cell.getCellStyle().getIndex() >= book.getNumCellStyles()) {
            fault(at + ": no such style");
        }
        if (cell.getCellType() == CellType.STRING && cell.getStringCellValue().length() > 32767) {
            fault(at + ": " + cell.getStringCellValue().length() + " characters");
        }
        if (cell.getCellType() != CellType.FORMULA) {
            return;
        }
        cells[1]++;
        boolean words = cell.getCachedFormulaResultType() == CellType.STRING;
        String stands = words ? cell.getStringCellValue() : String.valueOf(cell.getNumericCellValue());
        org.apache.poi.ss.usermodel.CellValue v = evaluator.evaluate(cell);
        String comes = v.getCellType() == CellType.STRING ? v.getStringValue() : v.getCellType() == CellType.NUMERIC ? String.valueOf(v.getNumberValue()) : v.formatAsString();
        if (!stands.equals(comes)) {
            fault(at + ": stands " + stands + ", comes to " + comes);
        }
    }

    private static void ranges(XSSFSheet sheet) {
        List<CellRangeAddress> merged = sheet.getMergedRegions();
        for (int i = 0; i < merged.size(); i++) {
            for (int j = 0; j < i; j++) {
                if (merged.get(i).intersects(merged.get(j))) {
                    fault(sheet.getSheetName() + ": merged twice: " + merged.get(i).formatAsString());
                }
            }
        }
        Set<String> linked = new HashSet<>();
        for (Hyperlink h : sheet.getHyperlinkList()) {
            if (!linked.add(h.getFirstRow() + "," + h.getFirstColumn())) {
                fault(sheet.getSheetName() + ": two links in a cell");
            }
            if (h.getAddress() == null || h.getAddress().length() > 2079) {
                fault(sheet.getSheetName() + ": a link that Excel drops");
            }
        }
        if (linked.size() > 65530) {
            fault(sheet.getSheetName() + ": " + linked.size() + " links");
        }
        if (sheet.getCTWorksheet().isSetAutoFilter() && sheet.getCTWorksheet().isSetTableParts()) {
            fault(sheet.getSheetName() + ": filter and table");
        }
    }

    private static void fault(String what) {
        System.out.println(file + "\tfault\t" + what.replaceAll("[\\t\\n]", " "));
    }
}
