// A CBOR writer (RFC 8949) for what a Harper record can hold. Harper's own
// encoder is not used: it calls a record's attribute `toJSON`, so that whoever
// names one so could make a record unreadable, and its stream takes no heed of
// a slow reader.
import { types } from 'node:util';

const UINT = 0, NEGATIVE = 1, BYTES = 2, TEXT = 3, ARRAY = 4, MAP = 5, TAG = 6;
const TAG_DATE = 1, TAG_BIG = 2, TAG_BIG_NEGATIVE = 3, TAG_OBJECT = 27, TAG_SET = 258, TAG_MAP = 259;

// MAX_DEPTH is how deep a value may nest.
const MAX_DEPTH = 512;

// A Writer appends CBOR items to a buffer that grows as they need.
export class Writer {
	constructor(size = 1 << 16) {
		this.buffer = Buffer.allocUnsafe(size);
		this.length = 0;
		this.hide = undefined; // (name, value) => what to write in its place, or undefined
	}

	// take returns what was written, in memory of its own, and starts over.
	take() {
		const bytes = Buffer.from(this.buffer.subarray(0, this.length));
		this.length = 0;
		return bytes;
	}

	room(n) {
		if (this.length + n <= this.buffer.length) return;
		const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.length + n));
		this.buffer.copy(larger, 0, 0, this.length);
		this.buffer = larger;
	}

	byte(value) {
		this.room(1);
		this.buffer[this.length++] = value;
	}

	head(major, n) {
		this.room(9);
		const b = this.buffer, first = major << 5;
		if (n < 24) b[this.length++] = first | n;
		else if (n < 0x100) {
			b[this.length++] = first | 24;
			b[this.length++] = n;
		} else if (n < 0x10000) {
			b[this.length++] = first | 25;
			this.length = b.writeUInt16BE(n, this.length);
		} else if (n < 0x100000000) {
			b[this.length++] = first | 26;
			this.length = b.writeUInt32BE(n, this.length);
		} else {
			b[this.length++] = first | 27;
			this.length = b.writeBigUInt64BE(BigInt(n), this.length);
		}
	}

	text(value) {
		const n = Buffer.byteLength(value);
		this.head(TEXT, n);
		this.room(n);
		this.length += n === value.length ? this.buffer.latin1Write(value, this.length) : this.buffer.utf8Write(value, this.length);
	}

	bytes(value) {
		this.head(BYTES, value.length);
		this.room(value.length);
		this.buffer.set(value, this.length);
		this.length += value.length;
	}

	number(value) {
		if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
			if (value >= 0) this.head(UINT, value);
			else this.head(NEGATIVE, -1 - value);
			return;
		}
		this.room(9);
		this.buffer[this.length++] = 0xfb;
		this.length = this.buffer.writeDoubleBE(value, this.length);
	}

	big(value) {
		const negative = value < 0n, n = negative ? -1n - value : value;
		if (n <= 0xffffffffffffffffn) {
			this.room(9);
			this.buffer[this.length++] = (negative ? NEGATIVE : UINT) << 5 | 27;
			this.length = this.buffer.writeBigUInt64BE(n, this.length);
			return;
		}
		const hex = n.toString(16);
		this.head(TAG, negative ? TAG_BIG_NEGATIVE : TAG_BIG);
		this.bytes(Buffer.from(hex.length % 2 ? '0' + hex : hex, 'hex'));
	}

	value(value, depth = 0) {
		switch (typeof value) {
			case 'string': return this.text(value);
			case 'number': return this.number(value);
			case 'boolean': return this.byte(value ? 0xf5 : 0xf4);
			case 'bigint': return this.big(value);
			case 'object':
				if (value === null) return this.byte(0xf6);
				if (depth > MAX_DEPTH) throw new Error(`the value nests deeper than ${MAX_DEPTH}`);
				return this.object(value, depth);
			default: return this.byte(0xf7); // undefined
		}
	}

	object(value, depth) {
		if (Array.isArray(value)) return this.array(value, depth);
		if (types.isDate(value)) {
			this.head(TAG, TAG_DATE);
			return this.number(value.getTime() / 1000);
		}
		if (ArrayBuffer.isView(value)) return this.bytes(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
		if (types.isAnyArrayBuffer(value)) return this.bytes(new Uint8Array(value));
		if (types.isMap(value)) {
			this.head(TAG, TAG_MAP);
			return this.pairs([...value], depth);
		}
		if (types.isSet(value)) {
			this.head(TAG, TAG_SET);
			return this.array([...value], depth);
		}
		if (types.isRegExp(value)) return this.generic(['RegExp', value.source, value.flags]);
		if (types.isNativeError(value)) return this.generic([value.name, value.message]);
		if (Object.prototype.toString.call(value) === '[object Blob]') return this.blob(value, depth);
		// Records of a declared schema are views of bytes, whose toJSON makes an object
		// of them; an attribute of that name is an object's own, or no function.
		if (!Object.hasOwn(value, 'toJSON') && typeof value.toJSON === 'function') value = value.toJSON();
		const pairs = [];
		for (const name in value) pairs.push([name, value[name]]);
		return this.pairs(pairs, depth);
	}

	generic(parts) {
		this.head(TAG, TAG_OBJECT);
		this.array(parts, MAX_DEPTH);
	}

	// blob says what is known of a blob without opening its file.
	blob(value, depth) {
		const known = {};
		for (const name of Object.keys(value)) {
			if (typeof value[name] === 'string' || typeof value[name] === 'number') known[name] = value[name];
		}
		this.pairs([['__blob__', known]], depth);
	}

	array(elements, depth) {
		this.head(ARRAY, elements.length);
		for (let i = 0; i < elements.length; i++) this.element('', elements[i], depth);
	}

	pairs(pairs, depth) {
		this.head(MAP, pairs.length);
		for (const [name, value] of pairs) {
			this.value(name, depth + 1);
			this.element(name, value, depth);
		}
	}

	element(name, value, depth) {
		const instead = this.hide?.(name, value);
		this.value(instead === undefined ? value : instead, depth + 1);
	}
}
