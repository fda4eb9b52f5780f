// Package incidents holds the recorded incident for the demonstration: the
// polls of a real Harper's audit log made while it happened, the raw log, the
// tables' state before and after, their state in a run of the same program
// without the attacker, and which changes were the attacker's (truth.json).
package incidents

import "embed"

// Files has one folder for each line of Harper: lmdb and rocksdb.
//
//go:embed lmdb/tail lmdb/store lmdb/state-* lmdb/final/describe_all.json lmdb/truth.json
//go:embed rocksdb/tail rocksdb/store rocksdb/state-* rocksdb/final/describe_all.json rocksdb/truth.json
var Files embed.FS
