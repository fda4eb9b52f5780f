import assert from 'node:assert/strict';
import test from 'node:test';
import { Writer } from '../cbor.js';

function hex(value, hide) {
	const out = new Writer(1); // so that it has to grow
	out.hide = hide;
	out.value(value);
	return out.take().toString('hex');
}

// The examples are those of RFC 8949, appendix A, where it has one.
for (const [value, want] of [
	[0, '00'], [23, '17'], [24, '1818'], [1000, '1903e8'], [1000000, '1a000f4240'], [1000000000000, '1b000000e8d4a51000'],
	[-1, '20'], [-1000, '3903e7'], [Number.MAX_SAFE_INTEGER, '1b001fffffffffffff'],
	[1.1, 'fb3ff199999999999a'], [1e300, 'fb7e37e43c8800759c'], [-0, 'fb8000000000000000'],
	[Infinity, 'fb7ff0000000000000'], [NaN, 'fb7ff8000000000000'],
	[18446744073709551615n, '1bffffffffffffffff'], [18446744073709551616n, 'c249010000000000000000'],
	[-18446744073709551616n, '3bffffffffffffffff'], [-18446744073709551617n, 'c349010000000000000000'], [7n, '1b0000000000000007'],
	[null, 'f6'], [undefined, 'f7'], [true, 'f5'], [false, 'f4'],
	['', '60'], ['IETF', '6449455446'], ['\u00fc', '62c3bc'], ['\u{10151}', '64f0908591'],
	[Buffer.from([1, 2, 3]), '43010203'], [new Uint8Array([255]), '41ff'], [new Float64Array([1]), '48000000000000f03f'],
	[[1, [2, 3]], '8201820203'], [{ a: 1, b: [2, 3] }, 'a26161016162820203'],
	[new Date(1363896240500), 'c1fb41d452d9ec200000'], [new Date(NaN), 'c1fb7ff8000000000000'],
	[new Map([[1, 2]]), 'd90103a10102'], [new Set(['a']), 'd90102816161'], [/a/g, 'd81b83665265674578706161' + '6167'],
]) {
	test(`writes ${typeof value} ${Object.prototype.toString.call(value)} ${String(value)}`, () => assert.equal(hex(value), want));
}

test('a view of a record is written as what it makes of itself', () => {
	const view = Object.create({ toJSON: () => ({ a: 1 }) });
	assert.equal(hex(view), 'a1616101');
});

test('an attribute toJSON is an attribute', () => {
	assert.equal(hex({ toJSON: 'x' }), 'a166746f4a534f4e6178');
	const view = Object.create(Object.create({}, { toJSON: { get: () => 'x', enumerable: true } }));
	assert.equal(hex(view), 'a166746f4a534f4e6178');
	assert.equal(hex({ constructor: 1, toJSON: { length: 2 } }), 'a26b636f6e7374727563746f720166746f4a534f4ea1666c656e67746802');
});

test('a blob is named, not opened', () => {
	// As Harper makes them: a Blob by its prototype, with properties of its own.
	const own = (value) => ({ value, enumerable: true });
	const blob = Object.create(Blob.prototype, { type: own('text/plain'), size: own(6), text: own(() => 'secret') });
	const bytes = Buffer.from(hex({ data: blob }), 'hex');
	assert.ok(bytes.includes('__blob__'));
	assert.ok(!bytes.includes('secret'));
});

test('what is to be hidden is, at any depth', () => {
	const hide = (name) => (name === 'password' ? 'X' : undefined);
	const bytes = hex({ request: [{ password: 'p', other: new Map([['password', 'p']]) }] }, hide);
	assert.ok(!bytes.includes('6170'), bytes);
	assert.equal(bytes.split('6158').length - 1, 2);
});

test('a value that nests too deep is refused', () => {
	let value = 1;
	for (let i = 0; i < 100000; i++) value = [value];
	assert.throws(() => hex(value), /nests deeper/);
});
