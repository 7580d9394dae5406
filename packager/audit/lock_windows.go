package audit

import (
	"os"

	"golang.org/x/sys/windows"
)

// beyond is a byte that no log reaches: locks on Windows forbid reading what
// they cover, and only the writers are to wait for each other.
func beyond() *windows.Overlapped { return &windows.Overlapped{OffsetHigh: 1 << 30} }

// lock waits until no other open file holds the lock (LockFileEx, one byte).
func lock(f *os.File) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, beyond())
}

func unlock(f *os.File) { _ = windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, beyond()) }
