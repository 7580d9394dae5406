package casefile

import "testing"

// BenchmarkParse reads a case file with everything that it may say.
func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		if _, err := Parse("case.yaml", []byte(full)); err != nil {
			b.Fatal(err)
		}
	}
}
