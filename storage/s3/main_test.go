package s3_test

import (
	"os"
	"testing"

	"dossier/storage/storagetest"
)

func TestMain(m *testing.M) { os.Exit(storagetest.Main(m)) }
