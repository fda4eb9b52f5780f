package store

import (
	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

const (
	defaultMemory = 92 << 20
	minMemory     = 80 << 20
	// sortMemory is what of it sorting takes: three memory tables, and twice the
	// size of one for each of the eight tables that Badger keeps the memory of.
	sortMemory = 64 << 20
	memTable   = 11 << 18
	// Values of this size and above may go to Badger's value log: they are written
	// once, not once more with each compaction, are copied once to be read, not four
	// times, and hardly count towards a transaction's limit. Nearly all full blocks
	// of changes are among them. What is replaced there comes back only slowly (see
	// RunGC), so rule state and blocks that are not full stay below. A transaction
	// takes at most 422 KiB of smaller values.
	valueThreshold = 16 << 10
	// Values from this size on always go there.
	mostThreshold = 64 << 10
	valueLogFile  = 256 << 20
	maxValue      = 128 << 20 // well below valueLogFile, which Badger demands
	// leastTable is the size of a sorted table, of which Badger builds and writes
	// up to some twenty at a time, each in several times its size of memory. It
	// keeps every one open and mapped, so in a large store they are larger.
	leastTable = 512 << 10
	mostTables = 8192
)

func badgerOptions(dir string, o Options, log badger.Logger) badger.Options {
	b := badger.DefaultOptions(dir).
		WithSyncWrites(!o.NoSync).
		WithNumVersionsToKeep(1).
		WithDetectConflicts(false). // one writer at a time
		WithMetricsEnabled(false).
		WithLogger(log).
		WithMemTableSize(memTable).
		WithNumMemtables(2).
		WithNumLevelZeroTables(10).
		WithNumLevelZeroTablesStall(30).
		WithBaseTableSize(tableSize(dir)).
		// Blocks of changes and sums are packed already, and single last images are read
		// in no order: a table's block costs more to unpack than it saves. Not packed it
		// is read where it is mapped, and needs no cache. Tables of earlier versions
		// are packed; they are read as they are, and merged into such as are not.
		WithCompression(options.None).
		WithBlockCacheSize(0).
		WithIndexCacheSize(0). // used for encrypted tables only: the indexes of others are read where they are mapped
		WithNumCompactors(2).
		WithValueThreshold(threshold(o)).
		WithValueLogFileSize(valueLogFile).
		WithVerifyValueChecksum(true). // else a damaged head of an entry has Badger panic
		WithChecksumVerificationMode(options.OnBlockRead)
	b.TableSizeMultiplier = 1
	return b
}

func threshold(o Options) int64 {
	if o.Bulk {
		return valueThreshold
	}
	return mostThreshold
}

// caches is how many bytes caches may have: blocks of changes that were opened three of
// four parts, single changes one.
func caches(o Options) int64 {
	memory := o.Memory - imageMemory(o)
	if o.Memory == 0 {
		memory = defaultMemory
	}
	return max(memory, minMemory) - sortMemory
}

// imageMemory is how many bytes of last images are kept: five sevenths of what a store
// may have beyond the least.
func imageMemory(o Options) int64 { return max(o.Memory-minMemory, minImages) * 5 / 7 }

// tableSize is the size of a new sorted table.
func tableSize(dir string) int64 {
	size := int64(leastTable)
	disk, _ := diskUse(dir) // Badger will say what is wrong with it
	for disk/size > mostTables {
		size *= 2
	}
	return size
}
