import assert from 'node:assert/strict';
import test from 'node:test';
import { isEvent, readEntry } from '../entry.js';

const time = (ms) => {
	const b = Buffer.alloc(8);
	b.writeDoubleBE(ms);
	return b;
};
const bytes = (...parts) => Buffer.concat(parts.map((p) => (typeof p === 'string' ? Buffer.from(p) : Buffer.isBuffer(p) ? p : Buffer.from(p))));
const PREV = 1795716205010.1726, VERSION = 1795716205027.8416, EXPIRES = 1795716207227;

// A patch by admin of record "p" in table 2, as LMDB stores it.
const patch = bytes(time(PREV), [0x25, 0, 2, 1], 'p', time(VERSION), [5], 'admin', [0x81, 0xa1, 0x62, 0x01]);

test('a patch', () => {
	const e = readEntry(patch);
	assert.equal(e.type, 'patch');
	assert.deepEqual([e.prev, e.version, e.nodeId, e.tableId], [PREV, VERSION, 0, 2]);
	assert.deepEqual([e.key.toString(), e.user.toString(), e.value.toString('hex')], ['p', 'admin', '81a16201']);
});

test('a delete has no value, and need not have a user or a predecessor', () => {
	const e = readEntry(bytes([2, 0, 2, 1], 'p', time(VERSION), [0]));
	assert.deepEqual([e.type, e.prev, e.value, e.user.length], ['delete', undefined, undefined, 0]);
});

test('the fields that flags announce', () => {
	const flags = Buffer.alloc(4);
	// put, residency, previous residency, operation, expiration, blobs, more predecessors
	flags.writeUInt32BE((0xc0000000 | 0x11 | 0x200 | 0x400 | 0x800 | 0x1000 | 0x2000 | 0x4000) >>> 0);
	const e = readEntry(bytes(flags, [0x81, 0x2c, 0xc0, 0x01, 0x00, 0x00, 1], 'k', time(VERSION), [3, 0x80, 0x80], time(EXPIRES), [2], [1], time(PREV), [4], [1], 'u', 'value'));
	assert.deepEqual([e.type, e.nodeId, e.tableId, e.operation, e.expiresAt, e.hasBlobs], ['put', 300, 65536, 'update', EXPIRES, true]);
	assert.deepEqual([e.key.toString(), e.user.toString(), e.value.toString()], ['k', 'u', 'value']);
});

test('the log of RocksDB puts a prelude before it', () => {
	const body = patch.subarray(8);
	const plain = readEntry(bytes([0, 0, 0, 1], body), true);
	assert.deepEqual([plain.type, plain.prev, plain.version], ['patch', undefined, VERSION]);
	const full = readEntry(bytes([0x60, 0, 0, 1, 0, 0, 0, 7], time(PREV), body), true);
	assert.deepEqual([full.type, full.prev, full.tableId], ['patch', PREV, 2]);
});

test('what is not about a record is told apart', () => {
	assert.equal(isEvent(readEntry(bytes([0x17, 0, 2, 0], time(VERSION), [0], 'x')).type), false);
	assert.equal(isEvent(readEntry(bytes([11, 0, 2, 0], time(VERSION), [0])).type), false);
	for (const type of ['put', 'patch', 'delete', 'message', 'invalidate', 'relocate']) assert.equal(isEvent(type), true);
});

test('bytes that are not understood are refused, not guessed at', () => {
	for (let n = 0; n < patch.length - 4; n++) assert.throws(() => readEntry(patch.subarray(0, n)), undefined, `${n} bytes`);
	assert.throws(() => readEntry(bytes([9, 0, 2, 1], 'p', time(VERSION), [0])), /type 9 is not known/);
	assert.throws(() => readEntry(bytes([0xc0, 0x01, 0x00, 0x01, 0, 2, 1], 'p', time(VERSION), [0])), /flags 0x10000 are not known/);
	assert.throws(() => readEntry(bytes([1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0xff], 'p')), /are said to follow/);
});
