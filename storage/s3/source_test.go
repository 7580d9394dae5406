package s3

import "testing"

func TestParseSource(t *testing.T) {
	for address, want := range map[string][2]string{
		"s3://one":                   {"one", ""},
		"s3://one/":                  {"one", ""},
		"s3://bucket/a/b":            {"bucket", "a/b"},
		"s3://bucket/待办 2026/x?#%41": {"bucket", "待办 2026/x?#%41"},
		"s3:///x":                    {},
		"s3://u:p@one/x":             {},
		"https://b/x":                {},
	} {
		bucket, prefix, err := ParseSource(address)
		if got := [2]string{bucket, prefix}; got != want || (err == nil) != (want[0] != "") {
			t.Errorf("%s: %q %v", address, got, err)
		}
	}
}
