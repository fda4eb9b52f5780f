// RecourseFeed streams the audit store of a database as Harper keeps it. It only
// reads, and answers super_users only. See README.md for what it sends.
import { openFeed } from './feed.js';
import { Refusal, jsonAnswer, readQuery, refuseStranger } from './query.js';
import { engineOf, findStore } from './store.js';

const VERSION = '1';

const { databases, logger, Resource, server } = globalThis;

export class RecourseFeed extends Resource {
	static async get(target, request) {
		try {
			refuseStranger(request?.user);
			const { pathname, search } = new URL(request.url, 'http://feed');
			const place = pathname.slice(pathname.lastIndexOf('/RecourseFeed') + '/RecourseFeed'.length);
			if (place === '/info') return info();
			if (place !== '' && place !== '/') throw new Refusal(404, 'There is /RecourseFeed/ and /RecourseFeed/info');
			return feed(readQuery(search), request.method);
		} catch (error) {
			if (!(error instanceof Refusal)) throw error;
			return jsonAnswer(error.status, { error: error.message });
		}
	}

	// There are no events to wait for: the feed ends.
	static connect() {
		throw Object.assign(new Error('The feed is read with GET, and ends'), { statusCode: 405 });
	}
}

function info() {
	const store = findStore(databases.system);
	return jsonAnswer(200, {
		component: 'recourse-feed', version: VERSION, engine: store && engineOf(store), time: Date.now(), node: server.hostname,
	});
}

function feed(query, method) {
	const tables = Object.hasOwn(databases, query.database) ? databases[query.database] : undefined;
	if (!tables) throw new Refusal(404, `Database ${JSON.stringify(query.database)} does not exist`);
	const store = findStore(tables);
	// Harper opens a database's audit store with its tables only.
	if (!store) throw new Refusal(404, `Database ${JSON.stringify(query.database)} has no table whose audit store could be read`);
	const headers = { 'Content-Type': 'application/cbor', 'Cache-Control': 'no-store' };
	if (method === 'HEAD') return { status: 200, headers, body: '' };
	const failed = (error) => logger.error?.(`The feed of ${query.database} broke off`, error);
	const body = openFeed({ ...query, tables, store, node: server.hostname, names: nodeNames(store), failed });
	return { status: 200, headers, body };
}

// nodeNames returns the names of the other nodes of a cluster by the numbers that
// entries give them. Harper's own way to them may assign a number, and so write.
function nodeNames(store) {
	const names = new Map();
	try {
		const packed = store.getBinary(Symbol.for('remote-ids'));
		if (!packed) return names;
		const { remoteNameToId } = server.contentTypes.get('application/x-msgpack').deserialize(Buffer.from(packed));
		for (const name in remoteNameToId) names.set(remoteNameToId[name], name);
	} catch (error) {
		logger.warn?.('The feed does not know the names of the nodes', error);
	}
	return names;
}
