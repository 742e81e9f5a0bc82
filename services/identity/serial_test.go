package identity

import (
	"math/big"
	"testing"
)

// Serials are compared as numbers, whatever their length; the standard's longest has twenty bytes.
func TestASerialIsFoundHoweverLongItIs(t *testing.T) {
	one := big.NewInt(1)
	for _, bits := range []uint{0, 7, 8, 64, 152, 159, 160, 168, 400} {
		serial := new(big.Int).Lsh(one, bits)
		l := &list{serials: map[string]struct{}{string(serial.Bytes()): {}}}
		if !l.revokes(serial) {
			t.Errorf("a serial of %d bits is not found", serial.BitLen())
		}
		if l.revokes(new(big.Int).Add(serial, one)) || l.revokes(new(big.Int)) {
			t.Errorf("beside a serial of %d bits others are revoked", serial.BitLen())
		}
	}
}
