package matrix

import (
	"iter"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
)

// values yields the values of an enum but the unspecified one, ascending.
func values[E interface {
	~int32
	protoreflect.Enum
}]() iter.Seq[E] {
	return func(yield func(E) bool) {
		var zero E
		list := zero.Descriptor().Values()
		for i := range list.Len() {
			if n := list.Get(i).Number(); n != 0 && !yield(E(n)) {
				return
			}
		}
	}
}

// names writes a list in words.
func names[E any](list []E, name func(E) string) []string {
	words := make([]string, len(list))
	for i, e := range list {
		words[i] = name(e)
	}
	return words
}

func authorityName(j jisrv1.Jurisdiction) string {
	return strings.ToLower(strings.TrimPrefix(j.String(), "JURISDICTION_"))
}

func referralName(k jisrv1.Referral_Kind) string { return strings.TrimPrefix(k.String(), "KIND_") }

func orderName(k jisrv1.Order_Kind) string { return strings.TrimPrefix(k.String(), "KIND_") }

func subjectName(s jisrv1.Notification_Subject) string {
	return strings.TrimPrefix(s.String(), "SUBJECT_")
}

// The ways back. A name that the contract does not have is the unspecified
// value, which nothing was granted to and nothing is met by.

func classNamed(s string) jisrv1.DataClass {
	return jisrv1.DataClass(jisrv1.DataClass_value["DATA_CLASS_"+s])
}

func roleNamed(s string) jisrv1.Role {
	return jisrv1.Role(jisrv1.Role_value["ROLE_"+strings.ToUpper(s)])
}

func conditionsNamed(list []string) agreement.ConditionSet {
	var set agreement.ConditionSet
	for _, s := range list {
		set |= agreement.Conditions(jisrv1.Condition(jisrv1.Condition_value["CONDITION_"+s]))
	}
	return set
}

func linksNamed(list []string) agreement.LinkSet {
	var set agreement.LinkSet
	for _, s := range list {
		set |= agreement.Links(jisrv1.Link(jisrv1.Link_value["LINK_"+s]))
	}
	return set
}
