package main

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"dossier/packager/sign/testpki"
)

// Killed at any moment of a build and run again: what has a receipt verifies,
// the next build is complete, and nothing half-made is left. DOSSIER_BUILD_KILLS
// says how often.
func TestKilledBuild(t *testing.T) {
	kills, err := strconv.Atoi(os.Getenv("DOSSIER_BUILD_KILLS"))
	if err != nil {
		kills = 3
	}
	exe, dir, env := testpki.Program(t), caseWith(t, 40<<20), home(t)
	run := func(after time.Duration, args ...string) error {
		cmd := exec.Command(exe, append(args, "--progress", "none")...)
		cmd.Env = env
		if after > 0 {
			defer time.AfterFunc(after, func() { _ = cmd.Process.Kill() }).Stop()
		}
		out, err := cmd.CombinedOutput()
		if err != nil && after == 0 {
			t.Fatalf("dossier %v: %v\n%s", args, err, out)
		}
		return err
	}
	run(0, "build", dir) // what was inspected and compiled once is kept
	begin := time.Now()
	run(0, "build", dir)
	whole := time.Since(begin)
	interrupted, receipts := 0, 0
	for range kills {
		begin := time.Now()
		if run(1+rand.N(whole), "build", dir) != nil {
			interrupted++
			whole += whole / 50
		} else {
			whole = time.Since(begin)
		}
		if _, err := os.Stat(filepath.Join(dir, "out", "receipt.json")); err == nil {
			receipts++
			run(0, "verify", dir)
		}
		run(0, "build", dir)
		run(0, "verify", dir)
		if left := leftovers(t, dir); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
	t.Logf("%d of %d builds of %v were killed, %d left a receipt", interrupted, kills, whole.Round(time.Millisecond), receipts)
}
