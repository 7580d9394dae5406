package main

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// table is a CSV export with n rows, as platforms write them: with a byte
// order mark, so that Excel sees UTF-8, and CRLF.
func table(head string, n int, line func(i int) string) string {
	var b strings.Builder
	b.WriteString("\uFEFF" + head + "\r\n")
	for i := range n {
		b.WriteString(line(i) + "\r\n")
	}
	return b.String()
}

// daysFrom returns the day i days after first.
func daysFrom(first string, i int) string {
	t, err := time.Parse(time.DateOnly, first)
	if err != nil {
		panic(err)
	}
	return t.AddDate(0, 0, i).Format(time.DateOnly)
}

// article is one exported page.
func article(i int, day string) string {
	return fmt.Sprintf("<!doctype html>\n<html lang=\"zh\"><meta charset=\"utf-8\"><title>样本图文 %03d</title>\n<h1>样本图文 %03d</h1>\n<p>发布于 %s。本文为测试样本，内容虚构。</p>\n</html>\n", i, i, day)
}

func articles(from, n int) []member {
	var out []member
	for i := from; i < from+n; i++ {
		day := daysFrom("2021-03-01", i*14)
		out = append(out, member{fmt.Sprintf("articles/%s-%03d.html", day, i), article(i, day)})
	}
	return out
}

// video is the smallest MP4 that programs know as one (ISO/IEC 14496-12): a
// file type box and a free box that says what it is.
func video(name string) string {
	box := func(kind, body string) string {
		return string(binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))) + kind + body
	}
	return box("ftyp", "isom\x00\x00\x02\x00isomiso2mp41") + box("free", "测试样本 SPECIMEN "+name) + box("mdat", strings.Repeat("\x00", 512))
}
