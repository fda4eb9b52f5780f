package harpertest_test

// opsScripts are stories of the operations API and of SQL, each in a table of
// its own without a schema.
var opsScripts = []script{
	{name: "insert", text: `
log
insert [{"id":1,"name":"Rex","age":3},{"id":2,"name":"Fido"}]
	< wrote 1 2
log
	= insert 1 {"age":3,"name":"Rex"} 2 {"name":"Fido"}

# An insert never overwrites, and what it skips it does not log.
insert [{"id":1,"name":"Again"},{"id":3}]
	< wrote 3 skipped 1
insert [{"id":1,"name":"Again"}]
	< wrote nothing skipped 1
# Nor does it overwrite what it has just written itself.
insert [{"id":4,"a":1},{"id":4,"b":2}]
	< wrote 4 skipped 4
log
	= insert 1 {"age":3,"name":"Rex"} 2 {"name":"Fido"}
	= insert 3 {}
	= insert 4 {"a":1}
`},
	{name: "update", text: `
insert [{"id":1,"name":"Rex","nest":{"a":1}}]
update [{"id":1,"age":5,"nest":{"b":2}},{"id":99,"age":1}]
	< wrote 1 skipped 99
log
	= insert 1 {"name":"Rex","nest":{"a":1}}
	= update 1 {"age":5,"name":"Rex","nest":{"b":2}}
# An update of nothing is logged too.
update [{"id":1}]
	< wrote 1
log
	= insert 1 {"name":"Rex","nest":{"a":1}}
	= update 1 {"age":5,"name":"Rex","nest":{"b":2}}
	= update 1 {"age":5,"name":"Rex","nest":{"b":2}}
`},
	{name: "upsert", text: `
insert [{"id":1,"a":1}]
upsert [{"id":1,"b":2},{"id":2,"c":[1,{"d":null}],"e":null}]
	< wrote 1 2
log
	= insert 1 {"a":1}
	= upsert 1 {"a":1,"b":2} 2 {"c":[1,{"d":null}],"e":null}
`},
	{name: "images of later values", text: `
# The RocksDB line keeps an update as the patch that was sent, and makes its
# image when the log is read: attributes of later changes slip into it.
insert [{"id":1,"a":1}]
upsert [{"id":1,"a":2}]
log
	= insert 1 {"a":1}
	= upsert 1 {"a":2}
upsert [{"id":1,"a":3,"b":1}]
log
	= insert 1 {"a":1}
	L= upsert 1 {"a":2}
	R= upsert 1 {"a":2,"b":1}
	= upsert 1 {"a":3,"b":1}
`},
	{name: "delete", text: `
insert [{"id":1},{"id":2}]
delete [2]
	< wrote 2
# What never was is deleted all the same, and logged.
delete [98,1]
	< wrote 98 1
log
	= insert 1 {} 2 {}
	= delete 2 -
	= delete 98 - 1 -
state
delete [5,5]
history [5]
	L= 5: delete 5 -
	R= 5: delete 5 -, delete 5 -
`},
	{name: "delete then insert", text: `
insert [{"id":1,"a":1}]
delete [1]
insert [{"id":1,"b":2}]
	< wrote 1
log
	= insert 1 {"a":1}
	= delete 1 -
	= insert 1 {"b":2}
`},
	{name: "update and delete", text: `
insert [{"id":1,"a":1}]
update [{"id":1,"a":2}]
update [{"id":1,"b":3}]
delete [1]
log
	= insert 1 {"a":1}
	= update 1 {"a":2}
	= update 1 {"a":2,"b":3}
	= delete 1 -
`},
	{name: "one key twice", text: `
# The second image carries an attribute that nobody wrote, and so does the
# stored record.
insert [{"id":1,"a":1}]
update [{"id":1,"a":2},{"id":1,"b":3}]
	< wrote 1 1
log
	= insert 1 {"a":1}
	L= update 1 {"a":2} 1 {"a":2,"b":3,"skip":true}
	R= update 1 {"a":2,"b":3,"skip":true} 1 {"a":2,"b":3,"skip":true}
state
	< 1 {"a":2,"b":3,"skip":true}
`},
	{name: "keys", text: `
insert [{"id":1,"v":"number"}]
insert [{"id":"1","v":"text"}]
insert [{"id":["x",1,"y"],"v":"compound"}]
insert [{"id":-5},{"id":1.5},{"id":"é😀"},{"id":"a/b c"},{"id":""}]
log
	= insert 1 {"v":"number"}
	= insert "1" {"v":"text"}
	= insert ["x",1,"y"] {"v":"compound"}
	= insert -5 {} 1.5 {} "é😀" {} "a/b c" {} "" {}
# Keys of the answer are keys as text: the last of 1 and "1" covers the other.
history [1,"1",["x",1,"y"],12345]
	L= 1: upsert "1" {"v":"text"}
	R= 1: insert "1" {"v":"text"}
	= 12345: 
	L= x,1,y: upsert ["x",1,"y"] {"v":"compound"}
	R= x,1,y: insert ["x",1,"y"] {"v":"compound"}
history [1]
	L= 1: upsert 1 {"v":"number"}
	R= 1: insert 1 {"v":"number"}
`},
	{name: "keys that read alike", text: `
# In one request the second of two keys that are the same as text is taken for
# a repetition of the first.
upsert [{"id":1,"a":1},{"id":"1","a":2}]
	< wrote 1 "1"
log
	= upsert 1 {"a":1} "1" {"a":2,"skip":true}
delete [1,"1"]
	< wrote 1 "1"
state
`},
	{name: "keys that are none", text: `
op {"operation":"insert","records":[{"id":"null"}]}
	< 400 {"error":"Invalid hash value: 'null' is not a valid hash attribute value, check log for more info"}
op {"operation":"insert","records":[{"id":"undefined"}]}
	< 400 {"error":"Invalid hash value: 'undefined' is not a valid hash attribute value, check log for more info"}
op {"operation":"insert","records":[{"id":{"a":1}}]}
	< 200 {"inserted_hashes":[],"message":"inserted 0 of 1 records","skipped_hashes":[{"a":1,"isCollection":true}]}
op {"operation":"insert","records":[{"id":[]}]}
	< 200 {"inserted_hashes":[],"message":"inserted 0 of 1 records","skipped_hashes":[[]]}
log
`},
	{name: "sql", text: `
sql INSERT INTO % (id,name,age) VALUES (10,'a',1),(11,'b',2)
	< 200 {"inserted_hashes":[10,11],"message":"inserted 2 of 2 records","skipped_hashes":[]}
sql UPDATE % SET age = age + 10 WHERE id IN (10,11)
	< 200 {"message":"updated 2 of 2 records","skipped_hashes":[],"update_hashes":[10,11]}
sql DELETE FROM % WHERE id = 11
	< 200 {"deleted_hashes":[11],"message":"1 of 1 record successfully deleted","skipped_hashes":[]}
log
	= insert 10 {"age":1,"name":"a"} 11 {"age":2,"name":"b"}
	= update 10 {"age":11,"name":"a"} 11 {"age":12,"name":"b"}
	= delete 11 -
`},
	{name: "increments", text: `
insert [{"id":1,"n":1}]
op {"operation":"update","records":[{"id":1,"n":{"__op__":"add","value":3}}]}
	< 200 {"message":"updated 1 of 1 records","skipped_hashes":[],"update_hashes":[1]}
state
	L< 1 {"n":{"__op__":"add","value":3}}
	R< 1 {"n":4}
log
	= insert 1 {"n":1}
	L= update 1 {"n":{"__op__":"add","value":3}}
	R= update 1 {"n":4}
`},
	{name: "nulls of state reads", text: `
# A table without schema fills every record up with every attribute that any
# record ever had: a state read cannot tell null from missing there.
insert [{"id":1,"a":1},{"id":2,"b":null,"c":2}]
state
	< 1 {"a":1,"b":null,"c":null}
	< 2 {"a":null,"b":null,"c":2}
log
	= insert 1 {"a":1} 2 {"b":null,"c":2}
`},
	{name: "all or nothing", text: `
# A truth value is no key; what stood beside it is not written.
op {"operation":"insert","records":[{"id":1},{"id":true}]}
	L< 500 {"error":"Invalid primary key type: boolean"}
	R< 400 {"error":"Invalid primary key type: boolean"}
log
state
`},
	{name: "operation put", text: `
op {"operation":"put","records":[{"id":1}]}
	< 400 {"error":"Operation 'put' not found"}
`},
	{name: "times are assigned", text: `
# In a table without schema nobody can set the times of a record.
insert [{"id":1,"__createdtime__":5,"__updatedtime__":6,"a":1}]
times
	< 1 created updated
`},
}
