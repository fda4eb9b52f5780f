// The audit store of a database: LMDB keeps it as a table whose keys are commit
// times, RocksDB as one log per node, which is appended to at each commit.

// findStore returns the audit store that the tables of a database share.
export function findStore(tables) {
	for (const name in tables) {
		if (tables[name]?.auditStore) return tables[name].auditStore;
	}
	return undefined;
}

export function engineOf(store) {
	return typeof store.rootStore?.useLog === 'function' ? 'rocksdb' : 'lmdb';
}

// openWalk returns the frames of a store whose time is in [from, to), in the
// order of the store, up to what was its end when openWalk was called. Its next
// is a frame {time, bytes, endTxn, prelude}, or {error} for what is no frame, or
// SKIPPED, or undefined at the end. Before the event loop may run, pause must be
// called. Opening throws before anything is read.
export function openWalk(store, from, to) {
	return engineOf(store) === 'rocksdb' ? new LogWalk(store, from, to) : new KeyWalk(store, from, to);
}

// SKIPPED stands for a frame that the walk has passed over.
export const SKIPPED = Symbol('skipped');

// A KeyWalk reads from LMDB. It opens an iterator after each pause: one that
// lasted as long as a slow reader would keep LMDB from reusing pages, and one
// that outlives its transaction may step over an entry when the retention
// removes the one it stands on.
class KeyWalk {
	constructor(store, from, to) {
		this.store = store;
		this.to = to;
		this.last = newest(store);
		// Zero would be encoded as the null that starts the keys that are no numbers.
		this.at = from || 1;
		this.read = undefined; // the newest key that was returned
	}

	next() {
		if (this.last === undefined) return undefined;
		this.keys ??= this.store.getRange({ start: this.at, snapshot: false })[Symbol.iterator]();
		const { done, value: item } = this.keys.next();
		if (!done && (typeof item.key !== 'number' || item.key === this.read)) return SKIPPED;
		if (done || item.key > this.last || item.key >= this.to) {
			this.last = undefined;
			this.pause();
			return undefined;
		}
		this.at = this.read = item.key;
		// Harper 5.1 hands out the entry decoded, with its bytes.
		const bytes = ArrayBuffer.isView(item.value) ? item.value : item.encoded;
		// A copy: the bytes may be shared, and decoding reads from the same store.
		return { time: item.key, bytes: Buffer.from(bytes) };
	}

	pause() {
		this.keys?.return?.();
		this.keys = undefined;
	}
}

// newest returns the greatest key, undefined in an empty store. Keys that are no
// numbers sort before the numbers.
function newest(store) {
	for (const key of store.getKeys({ reverse: true, limit: 1 })) {
		if (typeof key === 'number') return key;
	}
	return undefined;
}

// A LogWalk reads from RocksDB the logs of all nodes, merged as Harper does by
// the times of their heads.
class LogWalk {
	constructor(store, from, to) {
		this.to = to;
		this.logs = store.rootStore.listLogs().map((name) => new Log(name, store.rootStore.useLog(name), from));
		for (const log of this.logs) log.advance();
	}

	next() {
		let first;
		for (const log of this.logs) {
			if (log.head && (!first || !(log.head.time >= first.head.time))) first = log;
		}
		if (!first) return undefined;
		const frame = first.head;
		first.advance();
		// Times are in no order within a log: what follows a late one may be in time.
		return frame.error || frame.time < this.to ? frame : SKIPPED;
	}

	pause() {}
}

// FRAMING names the errors of a frame whose length cannot be true.
const FRAMING = new Set(['RangeError', 'CorruptFrameError']);

// A Log is read up to its end at the start. A second reader stands at that end:
// the first frame that it meets is the first that came after the request.
class Log {
	constructor(name, log, from) {
		this.name = name;
		this.from = from;
		this.ahead = log.query({});
		this.frames = log.query({ start: from || 1 });
	}

	// advance reads the next frame into head; undefined at the end.
	advance() {
		this.head = undefined;
		let next;
		try {
			next = this.frames.next();
		} catch (error) {
			// The reader stands behind the broken frame, or else it breaks there again.
			if (!FRAMING.has(error?.name) || this.broken === error.message) throw error;
			this.broken = error.message;
			this.head = { error: `log ${this.name}: ${error.message}` };
			return;
		}
		if (next.done) return;
		const frame = next.value;
		// Looked for behind each frame, what is new cannot be overtaken.
		while (!this.after) {
			const late = this.ahead.next();
			if (late.done) break;
			if (late.value.timestamp >= this.from) this.after = late.value;
		}
		if (this.after && sameFrame(frame, this.after)) return;
		this.head = { time: frame.timestamp, bytes: frame.data, endTxn: frame.endTxn, prelude: true };
	}
}

function sameFrame(a, b) {
	return a.timestamp === b.timestamp && a.data.byteOffset === b.data.byteOffset && a.data.equals(b.data);
}
