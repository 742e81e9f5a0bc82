package main

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"
)

func TestErrorsThatDoNotComeFromTheCatalogueAreNamed(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), analyzer,
		server+"/gates",           // makes statuses
		server+"/wares",           // serves rpcs
		catalogue,                 // may make them
		plays+"/part",             // plays what others do
		"elsewhere.example/other", // is not ours
	)
}
