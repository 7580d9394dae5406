package audit

import "os"

func appendToFullDisk(string) {}

func writeToFullDisk(string) {}

// maxResident is not to be had from an ended process on Windows.
func maxResident(*os.ProcessState) int64 { return 1 }
