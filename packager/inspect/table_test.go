package inspect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"dossier/packager"
)

func xlsx(t testing.TB, rows ...[]any) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	for i, r := range rows {
		if err := f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", i+1), &r); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestExportsAreCounted(t *testing.T) {
	gbk, err := simplifiedchinese.GBK.NewEncoder().String("日期,标题\n2026-11-03,第一篇\n2026-11-01 08:00:00,第二篇\n")
	if err != nil {
		t.Fatal(err)
	}
	utf16, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String("标题\t发布时间\n一\t2026/5/6\n")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		b     string
		media string
		items int64 // -1: not counted
		days  string
	}{
		{"a.csv", "id,日期,标题\n1,2026-11-03,a\n2,2026-11-01,b\n3,2026-11-02,\"c,\nd\"\n", kindCSV.media, 3, "2026-11-01 2026-11-03"},
		{"gbk.csv", gbk, kindCSV.media, 2, "2026-11-01 2026-11-03"},
		{"bom.csv", "\ufeff日期,标题\n2026年1月2日,x\n", kindCSV.media, 1, "2026-01-02 2026-01-02"},
		{"utf16.csv", utf16, kindCSV.media, 1, "2026-05-06 2026-05-06"},
		{"only-header.csv", "id,date\n", kindCSV.media, 0, " "},
		{"a.json", `[{"a":[1,2]},{"b":2},3]`, kindJSON.media, 3, " "},
		{"object.json", `{"total":2,"list":[{"x":1},{"x":2}],"few":[1]}`, kindJSON.media, 2, " "},
		{"lines.jsonl", "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n", kindJSON.media, 3, " "},
		{"broken.json", `[{"a":1},`, kindJSON.media, -1, ""},
		{"deep.json", strings.Repeat("[", 5000), kindJSON.media, -1, ""},
		{"a.html", "<!DOCTYPE html><table><tr><th>a<th>b</tr><tr><td>1<td>2</tr><tr><td>3<td>4</table>", kindHTML.media, 2, " "},
		{"article.html", "<html><body><p>x</body></html>", kindHTML.media, 1, " "},
		{"a.xlsx", string(xlsx(t, []any{"标题", "发布日期"}, []any{"a", "2026-10-01"}, []any{"b", "2026-09-30"})), kindXLSX.media, 2, "2026-09-30 2026-10-01"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, found := inspectOne(t, Options{}, material(t, "backups/"+test.name, []byte(test.b), packager.RoleBackup, "x"))
			if got.Media != test.media || got.Unusable != "" || len(found) != 0 && test.items >= 0 {
				t.Errorf("%s %q %v", got.Media, got.Unusable, found)
			}
			if test.items < 0 {
				if len(found) != 1 || found[0].Code != "EXPORT_NOT_COUNTED" || found[0].Severity != packager.Info {
					t.Errorf("%v", found)
				}
				if got.Archive != nil {
					t.Errorf("counted: %+v", got.Archive)
				}
				return
			}
			if got.Archive == nil || *got.Archive.Items != test.items {
				t.Fatalf("%+v", got.Archive)
			}
			if days := got.Archive.FirstDay.String() + " " + got.Archive.LastDay.String(); days != test.days {
				t.Errorf("days %q", days)
			}
		})
	}
}

// A record without end is not collected in memory.
func TestEndlessRecord(t *testing.T) {
	for name, record := range map[string]string{"line": "x", "cells": ",", "quoted lines": "x\n"} {
		if _, err := csvRows(strings.NewReader("id,b\n1,2\n3,\"" + strings.Repeat(record, recordBytes+1<<20))); !errors.Is(err, errRecord) {
			t.Error("CSV", name, err)
		}
	}
	if _, err := jsonItems(strings.NewReader(`["` + strings.Repeat("x", recordBytes+1<<20))); err == nil {
		t.Error("JSON")
	}
	if _, err := htmlRows(strings.NewReader("<p " + strings.Repeat("x", recordBytes+1<<20))); err == nil {
		t.Error("HTML")
	}
}

func TestCountingIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := csvRows(&cancellable{ctx, strings.NewReader("a,b\n1,2\n")}); err == nil {
		t.Error("went on")
	}
}
