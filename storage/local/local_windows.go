package local

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

func noLinks(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, windows.ERROR_INVALID_FUNCTION) ||
		errors.Is(err, windows.ERROR_NOT_SUPPORTED) || errors.Is(err, windows.ERROR_ACCESS_DENIED)
}

func isFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

// syncFolder does nothing: NTFS journals names, and Windows has no fsync of
// folders.
func syncFolder(*os.File) error { return nil }
