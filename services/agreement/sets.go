package agreement

import (
	"math/bits"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
)

// RoleSet is a set of roles.
type RoleSet uint32

// Roles returns the set of the given roles.
func Roles(roles ...jisrv1.Role) RoleSet {
	var s RoleSet
	for _, r := range roles {
		s |= 1 << uint(r)
	}
	return s
}

// Has reports whether r is in the set. The unspecified role never is.
func (s RoleSet) Has(r jisrv1.Role) bool { return known(r) && s&(1<<uint(r)) != 0 }

// List returns the roles in ascending order.
func (s RoleSet) List() []jisrv1.Role { return members[jisrv1.Role](uint32(s)) }

// List returns the links in ascending order.
func (s LinkSet) List() []jisrv1.Link { return members[jisrv1.Link](uint32(s)) }

// ConditionSet is a set of conditions, of which any one suffices.
type ConditionSet uint32

// Conditions returns the set of the given conditions.
func Conditions(conditions ...jisrv1.Condition) ConditionSet {
	var s ConditionSet
	for _, c := range conditions {
		s |= 1 << uint(c)
	}
	return s
}

// Has reports whether c is in the set. The unspecified condition never is.
func (s ConditionSet) Has(c jisrv1.Condition) bool { return c > 0 && s&(1<<uint(c)) != 0 }

// Never reports whether nothing opens the class.
func (s ConditionSet) Never() bool {
	return s&^Conditions(jisrv1.Condition_CONDITION_UNSPECIFIED, jisrv1.Condition_CONDITION_NEVER) == 0
}

// List returns the conditions in ascending order.
func (s ConditionSet) List() []jisrv1.Condition { return members[jisrv1.Condition](uint32(s)) }

func members[E ~int32](word uint32) []E {
	list := make([]E, 0, bits.OnesCount32(word))
	for ; word != 0; word &= word - 1 {
		list = append(list, E(bits.TrailingZeros32(word)))
	}
	return list
}

// RoleName returns the role as callers write it: "community_police".
func RoleName(r jisrv1.Role) string { return strings.ToLower(strings.TrimPrefix(r.String(), "ROLE_")) }

// PurposeName returns the purpose as callers write it: "protection".
func PurposeName(p jisrv1.Purpose) string {
	return strings.ToLower(strings.TrimPrefix(p.String(), "PURPOSE_"))
}

// ClassName returns the class without its prefix: "VICTIM_LOCATION".
func ClassName(c jisrv1.DataClass) string { return strings.TrimPrefix(c.String(), "DATA_CLASS_") }

// ConditionName returns the condition without its prefix: "LINKED".
func ConditionName(c jisrv1.Condition) string { return strings.TrimPrefix(c.String(), "CONDITION_") }

// LinkName returns the link without its prefix: "OWNER".
func LinkName(l jisrv1.Link) string { return strings.TrimPrefix(l.String(), "LINK_") }

// enum is what the generated enums have in common.
type enum interface {
	~int32
	protoreflect.Enum
	String() string
}

// every returns the values of an enum but the unspecified one, ascending.
func every[E enum]() []E {
	var zero E
	values := zero.Descriptor().Values()
	list := make([]E, 0, values.Len())
	for i := range values.Len() {
		if n := values.Get(i).Number(); n != 0 {
			list = append(list, E(n))
		}
	}
	return list
}

// defined reports whether the contract has a value for e, other than the unspecified one.
// The text format takes any number for an enum, so this must be asked.
func defined[E enum](e E) bool {
	return e != 0 && e.Descriptor().Values().ByNumber(protoreflect.EnumNumber(e)) != nil
}
