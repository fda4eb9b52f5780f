package harpertest_test

// restScripts are stories of the REST interface.
var restScripts = []script{
	{name: "put", rest: true, text: `
PUT $x {"a":1,"m":{"y":[1,{"z":null}]}}
	< 204
log
	= upsert "$x" {"a":1,"m":{"y":[1,{"z":null}]}}
# It replaces: what is not sent is gone.
PUT $x {"b":2}
	< 204
log
	= upsert "$x" {"a":1,"m":{"y":[1,{"z":null}]}}
	= upsert "$x" {"b":2}
GET $x
	< 200 {"b":2,"id":"$x"}
`},
	{name: "patch", rest: true, text: `
PUT $x {"a":1,"m":{"y":1},"n":5}
PATCH $x {"a":2,"m":{"z":1}}
	< 204
PATCH $x {"b":null}
PATCH $x {"n":{"__op__":"add","value":3}}
GET $x
	< 200 {"a":2,"b":null,"id":"$x","m":{"z":1},"n":8}
`},
	{name: "patch read at once", rest: true, text: `
PUT $x {"a":1,"n":5}
PATCH $x {"a":2}
log
	= upsert "$x" {"a":1,"n":5}
	= patch "$x" {"a":2,"n":5}
PATCH $x {"n":{"__op__":"add","value":3}}
log
	= upsert "$x" {"a":1,"n":5}
	= patch "$x" {"a":2,"n":5}
	= patch "$x" {"a":2,"n":8}
`},
	{name: "patch of nothing", rest: true, text: `
PUT $x {"a":1}
# A patch that changes nothing is logged, an empty one is not.
PATCH $x {"a":1}
	< 204
PATCH $x {}
	< 204
log
	= upsert "$x" {"a":1}
	= patch "$x" {"a":1}
`},
	{name: "patch without a record", rest: true, text: `
# It makes a record without its own key.
PATCH $x {"a":1}
	< 204
log
	= patch "$x" {"a":1}(no id)
GET $x
	< 200 {"a":1}
`},
	{name: "post", rest: true, text: `
POST  {"id":"$x","a":1}
	< 201 "$x"
log
	= upsert "$x" {"a":1}
`},
	{name: "preconditions", rest: true, text: `
# There are none: a write goes through whatever it is told to expect.
PUT $x {"a":1}
header If-Match: "bogus"
PUT $x {"a":2}
	< 204
header If-None-Match: *
PUT $x {"a":3}
	< 204
header If-Unmodified-Since: Mon, 01 Jan 2001 00:00:00 GMT
PUT $x {"a":4}
	< 204
header If-Match: "bogus"
PATCH $x {"a":5}
	< 204
GET $x
	< 200 {"a":5,"id":"$x"}
header If-Match: "bogus"
DELETE $x
	< 200 true
GET $x
	L< 404
	R< 404 null
`},
	{name: "delete over rest", rest: true, text: `
PUT $x {"a":1}
DELETE $x
	< 200 true
DELETE $never
	< 200 true
log
	= upsert "$x" {"a":1}
	= delete "$x" -
	= delete "$never" -
GET $x
	L< 404
	R< 404 null
`},
	{name: "increment by put", rest: true, text: `
# Only a patch adds.
PUT $x {"n":{"__op__":"add","value":3}}
	< 204
GET $x
	< 200 {"id":"$x","n":{"__op__":"add","value":3}}
`},
	{name: "unknown increment", rest: true, text: `
PUT $x {"n":1}
PATCH $x {"n":{"__op__":"mul","value":3}}
	L< 500 "Error: Invalid CRDT operation mul"
	R< 500 {"code":"Error","instance":"/Thing/$x","status":500,"title":"Invalid CRDT operation mul","type":"error:Error"}
log
	= upsert "$x" {"n":1}
`},
	{name: "increments meet", rest: true, text: `
# The compensation of an increment leaves other increments be.
PUT $x {"n":100}
PATCH $x {"n":{"__op__":"add","value":500}}
PATCH $x {"n":{"__op__":"add","value":-7}}
PATCH $x {"n":{"__op__":"add","value":-500}}
GET $x
	< 200 {"id":"$x","n":93}
`},
	{name: "odd keys", rest: true, text: `
PUT $a/b?c#d%2F {"a":1}
	< 204
GET $a/b?c#d%2F
	< 200 {"a":1,"id":"$a/b?c#d%2F"}
log
	= upsert "$a/b?c#d%2F" {"a":1}
DELETE $a/b?c#d%2F
`},
}

// patchScripts are stories of how the image of a patch, which Harper makes when
// the log is read, goes wrong when the record has changed since.
var patchScripts = []script{
	{name: "patch then put", rest: true, text: `
PUT $x {"name":"first","stock":10}
PATCH $x {"stock":11}
log
	= upsert "$x" {"name":"first","stock":10}
	= patch "$x" {"name":"first","stock":11}
PUT $x {"name":"second"}
# Now the patch shows what was put after it.
log
	= upsert "$x" {"name":"first","stock":10}
	= patch "$x" {"name":"second"}
	= upsert "$x" {"name":"second"}
`},
	{name: "patch then delete", rest: true, text: `
PUT $x {"a":1}
PATCH $x {"b":2}
DELETE $x
log
	= upsert "$x" {"a":1}
	L= patch "$x" -
	R= patch "$x" {"a":1,"b":2}
	= delete "$x" -
`},
	{name: "increment then patch", rest: true, text: `
PUT $x {"n":10}
PATCH $x {"n":{"__op__":"add","value":3}}
PATCH $x {"n":7}
log
	= upsert "$x" {"n":10}
	= patch "$x" {"n":{"__op__":"add","value":3}}
	= patch "$x" {"n":7}
PATCH $x {"new":"later"}
log
	= upsert "$x" {"n":10}
	L= patch "$x" {"n":null,"new":null}
	R= patch "$x" {"n":{"__op__":"add","value":3},"new":"later"}
	L= patch "$x" {"n":7,"new":null}
	R= patch "$x" {"n":7,"new":"later"}
	= patch "$x" {"n":7,"new":"later"}
`},
	{name: "increments only", rest: true, text: `
PUT $x {"n":10}
PATCH $x {"n":{"__op__":"add","value":3}}
PATCH $x {"n":{"__op__":"add","value":4}}
log
	= upsert "$x" {"n":10}
	= patch "$x" {"n":13}
	= patch "$x" {"n":17}
`},
	{name: "patches without a record", rest: true, text: `
PATCH $x {"a":1,"own":"$x"}
PATCH $x {"b":2}
log
	L= patch "$x" {"a":1,"b":null,"own":"$x"}(no id)
	R= patch "$x" {"a":1,"b":2,"own":"$x"}(no id)
	= patch "$x" {"a":1,"b":2,"own":"$x"}(no id)
`},
	{name: "put patch put patch", rest: true, text: `
PUT $x {"a":1}
PATCH $x {"b":2}
PUT $x {"a":3}
PATCH $x {"c":4}
log
	= upsert "$x" {"a":1}
	= patch "$x" {"a":3}
	= upsert "$x" {"a":3}
	= patch "$x" {"a":3,"c":4}
`},
	{name: "put patch put patch of one attribute", rest: true, text: `
# Ordinary writes, and on the RocksDB line the log cannot be read past them.
PUT $x {"a":1}
PATCH $x {"a":2}
PUT $x {"a":3}
PATCH $x {"a":4}
PUT $y {"a":9}
log
	L= upsert "$x" {"a":1}
	L= patch "$x" {"a":3}
	L= upsert "$x" {"a":3}
	L= patch "$x" {"a":4}
	L= upsert "$y" {"a":9}
	R= error: TypeError: Cannot assign to read only property 'a' of object '#<Object>'
history ["$x"]
	L= $x: upsert "$x" {"a":1}, patch "$x" {"a":3}, upsert "$x" {"a":3}, patch "$x" {"a":4}
	R= 500 {"error":"Cannot assign to read only property 'a' of object '#<Object>'"}
# Deleting the record makes the images right again; on the LMDB line it is what
# makes them unreadable.
DELETE $x
log
	L= error: TypeError: Cannot set properties of null (setting 'a')
	R= upsert "$x" {"a":1}
	R= patch "$x" {"a":2}
	R= upsert "$x" {"a":3}
	R= patch "$x" {"a":4}
	R= upsert "$y" {"a":9}
	R= delete "$x" -
`},
	{name: "put patch patch delete", rest: true, text: `
PUT $x {"a":1}
PATCH $x {"a":2}
PATCH $x {"b":3}
DELETE $x
PUT $y {"a":9}
log
	L= error: TypeError: Cannot set properties of null (setting 'b')
	R= upsert "$x" {"a":1}
	R= patch "$x" {"a":2}
	R= patch "$x" {"a":2,"b":3}
	R= delete "$x" -
	R= upsert "$y" {"a":9}
history ["$x"]
	L= 500 {"error":"Cannot set properties of null (setting 'b')"}
	R= $x: upsert "$x" {"a":1}, patch "$x" {"a":2}, patch "$x" {"a":2,"b":3}, delete "$x" -
history ["$y"]
	= $y: upsert "$y" {"a":9}
`},
	{name: "update put update", rest: true, text: `
# The same from the operations API, whose updates the RocksDB line keeps as
# patches.
insert [{"id":"$x","a":1}]
update [{"id":"$x","a":2}]
PUT $x {"a":3}
update [{"id":"$x","a":4}]
log
	L= insert "$x" {"a":1}
	L= update "$x" {"a":2}
	L= upsert "$x" {"a":3}
	L= update "$x" {"a":4}
	R= error: TypeError: Cannot assign to read only property 'a' of object '#<Object>'
`},
}
