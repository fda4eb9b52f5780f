// What a request asks for.

// A Refusal is an answer other than the feed: its HTTP status and why.
export class Refusal extends Error {
	constructor(status, message) {
		super(message);
		this.status = status;
	}
}

const MIME = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };

export function jsonAnswer(status, body) {
	return { status, headers: { ...MIME }, body: JSON.stringify(body) + '\n' };
}

// refuseStranger lets nobody pass but super_users. A user who may not read is
// told apart from one whom Harper does not know.
export function refuseStranger(user) {
	if (!user) throw new Refusal(401, 'Login required');
	if (user.role?.permission?.super_user !== true) throw new Refusal(403, 'The feed is for super_users');
}

const KNOWN = new Set(['database', 'from', 'to']);

// readQuery reads the parameters of a feed request: the database, and a range of
// localTime in milliseconds, `from` inclusive and `to` exclusive. A parameter
// that is misspelt is refused, as an answer with more or less than was meant
// would not be seen to be one.
export function readQuery(search) {
	const seen = new Map();
	for (const [name, value] of new URLSearchParams(search)) {
		if (!KNOWN.has(name)) throw new Refusal(400, `There is no parameter ${JSON.stringify(name)}: only database, from and to`);
		if (seen.has(name)) throw new Refusal(400, `Parameter ${name} is given twice`);
		seen.set(name, value);
	}
	const database = seen.get('database');
	if (!database) throw new Refusal(400, 'Parameter database is missing');
	const from = milliseconds('from', seen.get('from') ?? '0');
	const to = seen.has('to') ? milliseconds('to', seen.get('to')) : Infinity;
	return { database, from, to };
}

function milliseconds(name, text) {
	const value = Number(text);
	if (!/^[0-9.eE+]+$/.test(text) || !Number.isFinite(value)) {
		throw new Refusal(400, `Parameter ${name} is no time in milliseconds: ${JSON.stringify(text.slice(0, 40))}`);
	}
	return value;
}
