// The bytes of one entry of an audit store. The layout is that of
// resources/auditStore.ts in Harper (Apache-2.0) 4.4 to 5.1; RocksDB's log puts
// a few bytes before it (resources/RocksTransactionLogStore.ts).

const TYPES = { 1: 'put', 2: 'delete', 3: 'message', 4: 'invalidate', 5: 'patch', 6: 'relocate', 7: 'structures', 11: 'remoteSequenceUpdate' };
const OPERATIONS = { 1: 'insert', 2: 'update', 3: 'upsert' };

const HAS_RECORD = 0x10, HAS_PARTIAL_RECORD = 0x20;
const HAS_RESIDENCY = 0x200, HAS_PREVIOUS_RESIDENCY = 0x400, HAS_OPERATION = 0x800;
const HAS_EXPIRATION = 0x1000, HAS_BLOBS = 0x2000, HAS_MORE_PREVIOUS = 0x4000;
// The flags that add no field, and those above, which do. A flag of a Harper to
// come may add one, and whatever follows it would be misread.
const KNOWN = 0xff | 0x100 | HAS_BLOBS | 0x8000 |
	HAS_RESIDENCY | HAS_PREVIOUS_RESIDENCY | HAS_OPERATION | HAS_EXPIRATION | HAS_MORE_PREVIOUS;

// The first byte of a time of our days as a big-endian double.
const TIME = 66;

// RocksDB's prelude: which fields follow, and the version of the structures.
const PRELUDE_RESIDENCY = 0x40000000, PRELUDE_PREVIOUS = 0x20000000;

// isEvent says whether a type is about a record. The other entries carry what
// replicas need to decode and to resume.
export function isEvent(type) {
	return type !== 'structures' && type !== 'remoteSequenceUpdate';
}

// A Reader walks over bytes and throws a RangeError at their end.
class Reader {
	constructor(bytes) {
		this.bytes = bytes;
		this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		this.at = 0;
	}
	int() {
		const first = this.view.getUint8(this.at);
		if (first < 0x80) {
			this.at += 1;
			return first;
		}
		if (first < 0xc0) {
			this.at += 2;
			return this.view.getUint16(this.at - 2) & 0x7fff;
		}
		if (first < 0xff) {
			this.at += 4;
			return this.view.getUint32(this.at - 4) & 0x3fffffff;
		}
		this.at += 5;
		return this.view.getUint32(this.at - 4);
	}
	time() {
		this.at += 8;
		return this.view.getFloat64(this.at - 8);
	}
	skip(n) {
		this.at += n;
	}
	take(n) {
		if (this.at + n > this.bytes.length) throw new RangeError(`${n} bytes are said to follow, ${this.bytes.length - this.at} do`);
		this.at += n;
		return this.bytes.subarray(this.at - n, this.at);
	}
}

// readEntry reads the header of an entry; key and user stay encoded. `value` is
// the bytes of the record or of the patch, undefined where there is none. It
// throws where the bytes are not understood.
export function readEntry(bytes, prelude = false) {
	const in_ = new Reader(bytes), e = {};
	if (prelude) {
		const flags = in_.view.getUint32(0);
		in_.skip(flags & PRELUDE_RESIDENCY ? 8 : 4);
		if (flags & PRELUDE_PREVIOUS) e.prev = in_.time();
	}
	if (bytes[in_.at] === TIME) e.prev = in_.time();
	const action = in_.int();
	e.type = TYPES[action & 15];
	if (!e.type) throw new Error(`type ${action & 15} is not known`);
	if (action & ~KNOWN) throw new Error(`flags 0x${(action & ~KNOWN).toString(16)} are not known`);
	e.nodeId = in_.int();
	e.tableId = in_.int();
	e.key = in_.take(in_.int());
	e.version = in_.time();
	if (action & HAS_RESIDENCY) in_.int();
	if (action & HAS_PREVIOUS_RESIDENCY) in_.int();
	if (action & HAS_EXPIRATION) e.expiresAt = in_.time();
	if (action & HAS_OPERATION) e.operation = OPERATIONS[in_.int()];
	if (action & HAS_MORE_PREVIOUS) {
		for (let left = in_.view.getUint8(in_.at++); left > 0; left--) {
			in_.skip(8);
			in_.int();
		}
	}
	e.hasBlobs = (action & HAS_BLOBS) !== 0;
	e.user = in_.take(in_.int());
	if (action & (HAS_RECORD | HAS_PARTIAL_RECORD)) e.value = in_.take(bytes.length - in_.at);
	return e;
}
