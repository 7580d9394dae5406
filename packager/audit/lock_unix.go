//go:build !windows

package audit

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lock waits until no other open file holds the lock (flock(2), whole file).
func lock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

func unlock(f *os.File) { _ = unix.Flock(int(f.Fd()), unix.LOCK_UN) }
