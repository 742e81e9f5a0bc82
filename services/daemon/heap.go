package daemon

import "runtime/debug"

// Spare is memory that is reserved and never touched, so that it is resident
// nowhere and counts in the collector's sums alone: with the little that the
// exchange keeps alive it would collect some twenty times a second under load,
// and shrink the stacks of its workers each time. Unlike a higher GOGC it adds a
// constant to the heap, twice Spare, and no multiple of what an attacker makes it hold.
const Spare = 32 << 20

// settle reserves the spare and gives back what opening left behind: until the
// first collection, which is far now, that would stay resident.
func settle() []byte {
	spare := make([]byte, Spare)
	debug.FreeOSMemory()
	return spare
}
