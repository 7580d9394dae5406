package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"dossier/packager"
	"dossier/packager/plan"
	"dossier/storage"
)

const maxManifest = 64 << 20

// Previous reads the bundle that a new one replaces: its receipt (a file, an
// out folder or a stored one) and the manifest that the receipt names.
func (a *App) Previous(ctx context.Context, target, reason string) (*plan.Previous, error) {
	receipt, manifest, err := a.receiptAndManifest(ctx, target)
	bad := func(err error) error {
		return &packager.Fault{Class: packager.ClassUsage, Code: "SUPERSEDES_UNREADABLE", Args: packager.Args{"receipt": target}, Err: err}
	}
	if err != nil {
		return nil, bad(err)
	}
	var r packager.Receipt
	if err := json.Unmarshal(receipt, &r); err != nil {
		return nil, bad(err)
	}
	sum := sha256.Sum256(manifest)
	for _, f := range r.Files {
		if f.Name == "manifest.json" && f.SHA256 != hex.EncodeToString(sum[:]) {
			return nil, bad(errors.New("the manifest is not the one that the receipt names"))
		}
	}
	prev := &plan.Previous{Reason: reason}
	if err := json.Unmarshal(manifest, &prev.Manifest); err != nil {
		return nil, bad(err)
	}
	return prev, nil
}

func (a *App) receiptAndManifest(ctx context.Context, target string) (receipt, manifest []byte, err error) {
	if strings.Contains(target, "://") {
		store, key, err := a.Locate(ctx, target)
		if err != nil {
			return nil, nil, err
		}
		if receipt, err = storage.ReadAll(ctx, store, key, storage.MaxReceipt); err != nil {
			return nil, nil, err
		}
		r, err := storage.ParseReceipt(receipt)
		if err != nil {
			return nil, nil, err
		}
		for _, f := range r.Files {
			if f.Name == "manifest.json" {
				manifest, err = storage.ReadAll(ctx, store, f.Key, maxManifest)
				return receipt, manifest, err
			}
		}
		return nil, nil, errors.New("the receipt names no manifest")
	}
	if st, err := os.Stat(target); err == nil && st.IsDir() {
		target = filepath.Join(target, "receipt.json")
	}
	if receipt, err = os.ReadFile(target); err != nil {
		return nil, nil, err
	}
	manifest, err = os.ReadFile(filepath.Join(filepath.Dir(target), "manifest.json"))
	return receipt, manifest, err
}
