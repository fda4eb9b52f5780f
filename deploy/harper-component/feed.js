// The feed itself: frames of an audit store made into a stream of CBOR.
import { Readable } from 'node:stream';
import { setImmediate as rest } from 'node:timers/promises';
import { Writer } from './cbor.js';
import { isEvent, readEntry } from './entry.js';
import { hidden } from './secrets.js';
import { SKIPPED, engineOf, openWalk } from './store.js';

// CHUNK is how many bytes are gathered before they are sent.
const CHUNK = 1 << 16;

// TURN_MS is how long, in milliseconds, the server's other work waits at most,
// but for one large record.
const TURN_MS = 5;

// NIL is MessagePack's null.
const NIL = 0xc0;

// openFeed returns a stream of one CBOR array of open end. It is read no faster
// than it is taken, and ends when it is destroyed. An error breaks it off without
// the array's end, after it was given to `failed`.
export function openFeed({ database, tables, store, node, names, from, to, failed }) {
	const entries = new Entries({ database, tables, store, node, names });
	const walk = openWalk(store, from, to);
	let closed = false;
	const stream = Readable.from(chunks(walk, entries, () => closed, failed), { objectMode: false });
	stream.on('close', () => (closed = true));
	return stream;
}

async function* chunks(walk, entries, closed, failed) {
	const out = new Writer(CHUNK + (CHUNK >> 2));
	out.byte(0x9f);
	try {
		while (turn(walk, entries, out)) {
			walk.pause();
			await rest();
			if (closed()) return;
			if (out.length > 0) yield out.take();
		}
		out.byte(0xff);
	} catch (error) {
		failed(error);
	} finally {
		walk.pause();
	}
	yield out.take();
}

// turn writes entries until a chunk is full or its time is up, and says whether
// more are to come.
function turn(walk, entries, out) {
	const end = performance.now() + TURN_MS;
	for (let n = 1; out.length < CHUNK; n++) {
		const frame = walk.next();
		if (!frame) return false;
		if (frame !== SKIPPED) entries.write(out, frame);
		if (n % 16 === 0 && performance.now() > end) break;
	}
	return true;
}

// Entries writes frames as the entries that the feed is made of.
class Entries {
	constructor({ database, tables, store, node, names }) {
		this.database = database;
		this.tables = tables;
		this.store = store;
		this.names = names;
		this.node = node;
		this.rocks = engineOf(store) === 'rocksdb';
		this.byId = new Map();
	}

	// table returns the name, primary store and decoder of a table by its number;
	// undefined when it was dropped. One may have been created a moment ago.
	table(id) {
		const known = this.byId.get(id);
		if (known) return known;
		for (const name in this.tables) {
			const primary = this.tables[name]?.primaryStore;
			if (primary?.tableId === id) {
				const found = { name, primary, decode: decoderOf(primary) };
				this.byId.set(id, found);
				return found;
			}
		}
		return undefined;
	}

	write(out, frame) {
		const start = out.length;
		try {
			this.writeEntry(out, frame);
		} catch (error) {
			// Not even its header is understood: what is known of it is when.
			out.length = start;
			const fields = [];
			if (frame.time !== undefined) fields.push(['localTime', frame.time], ['version', frame.time]);
			out.pairs([...fields, ['type', 'unreadable'], ['table', null], ['id', null], ['error', reason(error)]], 0);
		}
	}

	writeEntry(out, frame) {
		if (frame.error) throw new Error(frame.error);
		const e = readEntry(frame.bytes, frame.prelude);
		if (!isEvent(e.type)) return;
		const table = this.table(e.tableId);
		const fields = [
			['localTime', frame.time],
			// RocksDB has one clock: what Harper shows as the version is the log's time.
			['version', this.rocks ? frame.time : e.version],
			['type', e.type],
		];
		let error;
		const key = (bytes) => {
			try {
				return readKey(table?.primary ?? anyPrimary(this.tables), bytes);
			} catch (cause) {
				error ??= reason(cause);
			}
		};
		if (e.operation) fields.push(['operation', e.operation]);
		if (e.user.length > 0) fields.push(['user', key(e.user)]);
		fields.push(['table', table ? table.name : null]);
		if (!table) fields.push(['tableId', e.tableId]);
		fields.push(['id', e.key.length > 0 ? key(e.key) : null], ['nodeId', e.nodeId]);
		const node = e.nodeId === 0 ? this.node : this.names.get(e.nodeId);
		if (node) fields.push(['node', node]);
		if (e.prev > 1) fields.push(['prev', e.prev]);
		if (e.expiresAt > 0) fields.push(['expiresAt', e.expiresAt]);
		if (frame.endTxn) fields.push(['endTxn', true]);
		let value;
		if (e.value) {
			if (!table) error ??= `table ${e.tableId} was dropped, and with it what its values are decoded by`;
			else [value, error] = decode(table, e, error);
		}
		this.writeFields(out, fields, table, value, error);
	}

	// writeFields writes an entry, with an error in place of a value that is not
	// there or cannot be written.
	writeFields(out, fields, table, value, error) {
		const start = out.length;
		if (value !== undefined && error === undefined) {
			try {
				out.head(5, fields.length + 1);
				for (const [name, field] of fields) {
					out.text(name);
					out.value(field);
				}
				out.text('value');
				if (this.database === 'system') out.hide = (name, v) => hidden(table.name, name, v);
				out.element('', value, -1);
				return;
			} catch (cause) {
				out.length = start;
				error = reason(cause);
			} finally {
				out.hide = undefined;
			}
		}
		out.pairs(error === undefined ? fields : [...fields, ['error', error]], 0);
	}
}

function decode(table, e, error) {
	try {
		return [table.decode(e.value, e.hasBlobs), error];
	} catch (cause) {
		return [undefined, error ?? reason(cause)];
	}
}

// decoderOf returns how a table's values are decoded. Harper's own decode reports
// a value that it cannot read to the server's log and returns null, as if the
// record were; the one that it extends says why. It also takes some values for
// ones with metadata before them, which an audit store's never have.
function decoderOf(primary) {
	const decoder = primary.decoder;
	const harpers = Object.getPrototypeOf(decoder);
	const inherited = Object.hasOwn(harpers, 'decode') && Object.getPrototypeOf(harpers)?.decode;
	return (bytes, hasBlobs) => {
		// A blob is made by Harper's alone, which knows where its file is.
		if (!hasBlobs && typeof inherited === 'function') return lazily(inherited, decoder, bytes);
		const value = decoder.decode(bytes, { noMetadata: true });
		if (value === null && bytes[0] !== NIL) throw new Error('the value cannot be decoded; the server’s log says why');
		return value;
	};
}

// lazily decodes a record as a view of its bytes. Making an object of the view
// fails where a record has an attribute `toJSON`, and the first view of such
// records fails too.
function lazily(inherited, decoder, bytes) {
	try {
		return inherited.call(decoder, bytes, { lazy: true });
	} catch {
		return inherited.call(decoder, bytes, { lazy: true });
	}
}

function anyPrimary(tables) {
	for (const name in tables) {
		if (tables[name]?.primaryStore) return tables[name].primaryStore;
	}
	throw new Error('no table is left whose keys could be read');
}

// readKey decodes a key as the table's own are. The decoder writes behind the key,
// and looks at up to nine bytes there: neither must be the log's.
function readKey(primary, bytes) {
	const copy = Buffer.alloc(bytes.length + 9);
	copy.set(bytes);
	const store = typeof primary.readKey === 'function' ? primary : primary.store;
	return store.readKey(copy.subarray(0, bytes.length), 0, bytes.length);
}

function reason(error) {
	return String(error?.message ?? error).slice(0, 500);
}
