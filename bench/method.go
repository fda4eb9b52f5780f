package main

import _ "embed"

// peersScript installs the peers.
//
//go:embed peers.sh
var peersScript string

// method is what a reader of the report must know to judge its figures.
const method = `* CPU is user and system time of the process with all those it started: of ` + "`recourse import`" + ` from its start to
  its end (decoding, images before, diffs, the 50 rules of bench/rules or all built-in ones, blocks, sums, words, hashes); of ` + "`sqlite3`" + `; of the server of
  PostgreSQL with all its processes, from its start until it has written all out and ended. psql is not counted, nor is
  making rows of groups, which both are given as CSV.
* SQLite: one table, indexes on (user, time), (table, id, time) and (time) that are there before the rows; FTS5 without
  its own copy of the text, detail=none, made in one pass after the rows; synchronous=off, 256 MiB of cache; ANALYZE.
* PostgreSQL: one table with the record as jsonb, the same three indexes, GIN on to_tsvector of the record and on the
  record (jsonb_path_ops), all there before COPY; synchronous_commit=off, shared_buffers=512MB, maintenance_work_mem=256MB,
  no JIT; VACUUM ANALYZE. On disk: the table and its indexes, without the write-ahead log.
* Most memory: VmHWM of the process; of PostgreSQL the proportional share of all its processes, seen every 200 ms.
* Questions: recourse is asked in process, from the text of the question to the changes, with the images of each. SQLite is
  asked through the pipes of one long-lived ` + "`sqlite3`" + `, from writing the statements to the end of the answer, less what an
  empty question takes. PostgreSQL is asked by psql on one connection, which measures from sending the statement to having
  the result. Where a question has two statements (the newest 50, and how many) their times are added. The page cache is warm.
* The three promise different things of a power cut: recourse has what it acknowledged on disk, the others do not.`
