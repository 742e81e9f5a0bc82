package jisrtest_test

type leak struct{}

func (l *leak) into(w *world, k take) take { return k }
