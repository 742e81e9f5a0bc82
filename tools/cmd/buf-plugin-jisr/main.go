// Command buf-plugin-jisr holds the schema to the rules that disclosure rests
// on: every field of a record has a data class, walls between classes stand
// between top-level fields, nothing leaves in a reply that no class covers, and
// whoever asks can read from the schema what is to be filled in.
//
// buf runs it for `buf lint` and `buf breaking`; see buf.yaml. It reads the
// options by their numbers from the wire and needs no generated code, so it can
// judge a schema before anything was generated from it.
package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"buf.build/go/bufplugin/check"
	"buf.build/go/bufplugin/descriptor"
	"google.golang.org/protobuf/reflect/protoreflect"
)

func main() {
	check.Main(spec)
}

var spec = &check.Spec{
	Rules: []*check.RuleSpec{
		lintRule(
			"JISR_DATA_CLASS",
			"Checks that every field of a record has a data class, and that everything inside a classed field is of that class.",
			checkDataClass,
		),
		lintRule(
			"JISR_SECTION",
			"Checks that a record is a header followed by sections: messages of one data class each, and no oneof.",
			checkSections,
		),
		lintRule(
			"JISR_HEADER_TEXT",
			"Checks that the header of a record, which is clear at rest, holds no free text.",
			checkHeaderText,
		),
		lintRule(
			"JISR_CLOSED",
			"Checks that records, requests and replies hold nothing whose content the schema does not say.",
			checkClosed,
		),
		lintRule(
			"JISR_REPLY_CLASSED",
			"Checks that everything in the reply of an rpc is a record or has a data class.",
			checkReplies,
		),
		lintRule(
			"JISR_RESERVED",
			"Checks that header and section numbers, and the numbers under which sealed sections travel, do not mix.",
			checkNumbers,
		),
		lintRule(
			"JISR_FIELD_BEHAVIOR",
			"Checks that every field of a record, a request and what people write says whether it is to be filled in, and that requests say so as validation does.",
			checkBehavior,
		),
		{
			ID:      "JISR_DATA_CLASS_SAME",
			Default: true,
			Purpose: "Checks that no field changed its data class or began or ceased to be clear at rest.",
			Type:    check.RuleTypeBreaking,
			Handler: dataClassSame,
		},
	},
}

// report shows a finding at a place in the schema.
type report func(at protoreflect.Descriptor, format string, args ...any)

// lintRule wraps a check of all files. The rule's name is put before each
// message, because buf's own output leaves it out.
func lintRule(id, purpose string, inspect func([]descriptor.FileDescriptor, report)) *check.RuleSpec {
	return &check.RuleSpec{
		ID:      id,
		Default: true,
		Purpose: purpose,
		Type:    check.RuleTypeLint,
		Handler: check.RuleHandlerFunc(func(_ context.Context, w check.ResponseWriter, request check.Request) error {
			// The files come in no fixed order; where a finding names the first
			// of several places, the same run has to give the same words.
			files := slices.SortedFunc(slices.Values(request.FileDescriptors()), func(a, b descriptor.FileDescriptor) int {
				return strings.Compare(a.ProtoreflectFileDescriptor().Path(), b.ProtoreflectFileDescriptor().Path())
			})
			inspect(files, reporter(w, id))
			return nil
		}),
	}
}

// reporter writes findings under the rule's name.
func reporter(w check.ResponseWriter, id string) report {
	return func(at protoreflect.Descriptor, format string, args ...any) {
		w.AddAnnotation(
			check.WithDescriptor(at),
			check.WithMessage(id+": "+fmt.Sprintf(format, args...)),
		)
	}
}

// once keeps the first finding at each place: a message that many records share
// would otherwise be reported once for each of them.
func once(r report) report {
	seen := make(map[protoreflect.FullName]bool)
	return func(at protoreflect.Descriptor, format string, args ...any) {
		if !seen[at.FullName()] {
			seen[at.FullName()] = true
			r(at, format, args...)
		}
	}
}
