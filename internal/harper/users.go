package harper

import (
	"context"
	"net/http"

	"recourse/audit"
)

// A Named is one of the objects that a list of Harper's holds, with the key by
// which Harper keeps it.
type Named struct {
	Key string // a user's name, a role's id
	// Value is the object as Harper told it. It may hold secrets, such as hashes
	// of passwords: redact it before it is stored or shown.
	Value audit.Value
}

// Users lists the users that can log in (list_users), which needs a super user
// or a role that may. Each has its role within. Harper on LMDB may list objects
// without a name, for users whose records hold none; they are left out.
func (c *Client) Users(ctx context.Context) ([]Named, error) {
	return c.list(ctx, "list_users", "username")
}

// Roles lists the roles (list_roles), which needs a super user or a role that
// may.
func (c *Client) Roles(ctx context.Context) ([]Named, error) { return c.list(ctx, "list_roles", "id") }

func (c *Client) list(ctx context.Context, op, key string) ([]Named, error) {
	v, err := c.ask(ctx, op, audit.Object(map[string]audit.Value{"operation": audit.Text(op)}), false)
	if err != nil {
		return nil, err
	}
	if v.Kind() != audit.KindArray {
		return nil, &Error{Op: op, Status: http.StatusOK, Message: message(v)}
	}
	var list []Named
	for e := range v.Elems() {
		if name := e.Get(key).Text(); name != "" {
			list = append(list, Named{Key: name, Value: e})
		}
	}
	return list, nil
}

// A User is who a client is to Harper, and what it may do.
type User struct {
	Name      string
	Role      string
	Active    bool
	SuperUser bool
	// Operations are those that the role is allowed by name, and groups of them
	// such as read_only. Nil: the role has no such list, and what it may do is
	// told by its other permissions.
	Operations []string
	// Permission is the role's whole permission object.
	Permission audit.Value
}

// UserInfo is the user whom the client logs in as (user_info). Anybody may ask
// for that but a user whose role lists operations without it: ErrForbidden.
func (c *Client) UserInfo(ctx context.Context) (User, error) {
	const op = "user_info"
	v, err := c.ask(ctx, op, audit.Object(map[string]audit.Value{"operation": audit.Text(op)}), false)
	if err != nil {
		return User{}, err
	}
	role := v.Get("role")
	u := User{
		Name: v.Get("username").Text(), Role: role.Get("role").Text(), Active: v.Get("active").Bool(),
		Permission: role.Get("permission"), SuperUser: role.Get("permission").Get("super_user").Bool(),
	}
	if u.Name == "" {
		return User{}, &Error{Op: op, Status: http.StatusOK, Message: "the answer names no user"}
	}
	if list := u.Permission.Get("operations"); list.Kind() == audit.KindArray {
		u.Operations = []string{}
		for e := range list.Elems() {
			u.Operations = append(u.Operations, e.Text())
		}
	}
	return u, nil
}
