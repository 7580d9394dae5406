package compose

import (
	"os"
	"testing"
)

func TestSample(t *testing.T) {
	d := sample(t)
	b := compose(t, d.plan)
	first, err := os.ReadFile(b.Path)
	if err != nil {
		t.Fatal(err)
	}
	again := compose(t, d.plan)
	second, err := os.ReadFile(again.Path)
	if err != nil {
		t.Fatal(err)
	}
	if string(first) != string(second) {
		t.Error("the same plan gave two different files")
	}
}
