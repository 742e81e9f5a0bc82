package move

import "context"

// Hand is a statement in the transaction of the copy.
type Hand func(ctx context.Context, statement string) error

// At calls f at every step at which a move can be cut off.
func (o *Options) At(f func(step string, target Hand) error) {
	o.step = func(name string, target base) error {
		var hand Hand
		if target != nil {
			hand = func(ctx context.Context, statement string) error { return target.exec(ctx, statement) }
		}
		return f(name, hand)
	}
}
