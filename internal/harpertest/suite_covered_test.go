package harpertest_test

import (
	"slices"
	"strings"
	"testing"
)

// traps are the ways in which Harper's log and its writes are not what they
// seem, as they were found on the two lines, and the part of the suite that
// springs each. What no client can cause is imitated after recordings: "captures"
// is TestCaptures, other names are tests of the stand-in alone.
var traps = []struct{ trap, where string }{
	{"a range goes by another clock than the one shown", "clocks, ranges"},
	{"images of patches are made when they are read, and wrong later", "script/images of later values, script/patch then put, script/increment then patch"},
	{"an entry that cannot be read hides what follows it, with a 200", "poison"},
	{"a group's operation and user are its first record's", "captures"}, // a transaction of several operations needs a component
	{"null in a group of patches is no deletion", "script/patch then delete"},
	{"windows cut groups; one id twice in a group", "clocks, script/one key twice"},
	{"nobody is named: bulk loads, catchup, users", "nobody, unlogged"},
	{"a super user is named who did nothing", "TestUnixSocket"}, // needs the server's socket
	{"messages have an old time", "captures"},                   // needs a component or MQTT
	{"an entry changes in place when a cache is filled again", "captures"},
	{"evictions leave no entry", "captures"}, // takes Harper's own time
	{"dropped attributes and tables leave no entry", "unlogged"},
	{"the log is purged without a sign in it", "about"},
	{"clocks go back; a version in the future swallows writes", "future, TestClockSetBack"},
	{"a write that loses is answered like any other", "future, TestVersionsWin"},
	{"1 and \"1\"", "keys, history, script/keys that read alike"},
	{"a record without its own key", "script/patch without a record"},
	{"JSON loses types, and rounds", "values"},
	{"null is not absent", "script/nulls of state reads, pages"},
	{"update merges, PUT replaces, PATCH is of the first level", "script/update, script/put, script/patch"},
	{"no preconditions", "script/preconditions"},
	{"a null id is the whole table", "traps"},
	{"__op__ is not always understood", "script/increments, script/increment by put"},
	{"what never was is logged as deleted", "script/delete"},
	{"schema or database, hash_values or ids", "describe, ranges"},
	{"text as a range is the whole log", "ranges"},
	{"a poll pays for the whole database", ""}, // a matter of time, measured and not tested
	{"hashes of passwords in the log", "users, unlogged"},
	{"answers are not sorted by time", "TestConcurrency, TestReplicate"}, // needs many writers at once, or nodes
	{"errors of many shapes", "errors"},
	{"the log needs a powerful user", "users, tokens"},

	{"RocksDB: reading a bulk update costs its square", "TestPatchCost"}, // live it takes minutes
	{"RocksDB: PUT and PATCH in turn make entries unreadable", "poison, script/put patch put patch of one attribute"},
	{"RocksDB: a hidden entry hides its transaction", "hidden transaction"},
	{"RocksDB: images hold values of the future", "script/images of later values"},
	{"RocksDB: what comes late is not in the tail", "TestReplicate"}, // needs a component or a second node
	{"RocksDB: what is dated ahead comes with each poll", "future"},
	{"RocksDB: a scan runs after the writers", ""}, // needs writers that are faster than it
	{"RocksDB: delete of a null id empties the table", "traps"},
	{"RocksDB: a purge of one table is one of all", "about, TestPurgeIsOfTheDatabase, TestPurgeByFiles"},
	{"RocksDB: no backup", "backup"},
	{"5.1 on LMDB: images of patches are those before", ""}, // a third line, which nothing here is
	{"RocksDB: an update may be an increment", "script/increments"},
	{"RocksDB: who may read the log may read all users' hashes", "users"},
	{"a search for $id of the key 0 fails, and hangs LMDB", "pages, TestZeroKey"},
	{"who listens to a table switches its log on", "TestListenersSwitchTheLogOn"}, // found in the source; our client refuses to
}

// TestTrapsAreCovered wants the table above to name parts of the suite that are
// there.
func TestTrapsAreCovered(t *testing.T) {
	parts := []string{"captures"}
	for _, p := range suiteParts {
		parts = append(parts, p.name)
	}
	for _, sc := range slices.Concat(opsScripts, restScripts, patchScripts) {
		parts = append(parts, "script/"+sc.name)
	}
	for _, c := range traps {
		for where := range strings.SplitSeq(c.where, ", ") {
			if where != "" && !strings.HasPrefix(where, "Test") && !slices.Contains(parts, where) {
				t.Errorf("%s: the suite has no part %q", c.trap, where)
			}
		}
	}
}
