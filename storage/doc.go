// Package storage says what a store of evidence must do ([Store]), how a case
// is put into it so that it is there whole or not at all ([Publish]), and
// which errors people meet on the way ([Error]).
//
// The layout is the same in every store, below its own root:
//
//	v1/blobs/sha256/ab/<hex>            materials, named by the SHA-256 of the stored bytes
//	v1/cases/<case>/<n>/<document>      bundle.pdf, audit.xlsx, events.jsonl, manifest.json
//	v1/cases/<case>/<n>/receipt.json    written last: the publish point
//	v1/keys/<case>/<id>.<digest>.age    the case's key, wrapped, where objects are sealed
//	v1/leases/, v1/gc/, v1/probe/       short-lived: publishers and gc at work, probes
//
// Readers begin at receipts. An object that no receipt names is no evidence,
// and gc may remove it.
//
// The stores are storage/local (a directory) and storage/s3; both pass the
// suite of storage/storagetest. This package knows nothing of what the bytes
// mean and imports nothing of packager.
package storage
