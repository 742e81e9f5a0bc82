package main

import (
	"context"

	"buf.build/go/bufplugin/check"
	"buf.build/go/bufplugin/check/checkutil"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// dataClassSame compares each field with what it was. A changed class shows
// values that are already stored to other roles; a field that becomes clear at
// rest leaves its section's seal. Both are decisions, never side effects.
var dataClassSame = checkutil.NewFieldPairRuleHandler(
	func(_ context.Context, w check.ResponseWriter, request check.Request, now, before protoreflect.FieldDescriptor) error {
		found := reporter(w, "JISR_DATA_CLASS_SAME")
		// Each side is named by its own enum. Names are what the agreement
		// grants, so names are compared; buf's own rules keep the numbers.
		is := classNames(request.FileDescriptors())[dataClass(now)]
		was := classNames(request.AgainstFileDescriptors())[dataClass(before)]
		if is != was {
			found(now, "field %q changed from %s to %s, which changes who may see what is already stored under it. Restore the class, or have the change agreed as a break.",
				now.FullName(), was, is)
		}
		switch {
		case indexed(now) && !indexed(before):
			found(now, "field %q is now indexed, so its values would be clear at rest and no longer sealed. Drop (jisr.v1.indexed), or have the change agreed as a break.",
				now.FullName())
		case indexed(before) && !indexed(now):
			found(now, "field %q is no longer indexed, so queries and life-cycle rules would lose it. Restore (jisr.v1.indexed), or have the change agreed as a break.",
				now.FullName())
		}
		return nil
	},
	checkutil.WithoutImports(),
)
