package matrix

import (
	"slices"
	"strings"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/agreement"
)

// change of one field's sight, before fields that changed alike are told together.
type sightChange struct {
	effect            Effect
	does              string
	wasClass, isClass string
	was, is           string
	purposes          string // what came or went, where nothing but purposes changed
}

// fields compares what a role reads and tells, field by field.
func (c *comparison) fields(role string) {
	groups := make(map[sightChange][]string)
	var order []sightChange
	add := func(s sightChange, path string) {
		if groups[s] == nil {
			order = append(order, s)
		}
		groups[s] = append(groups[s], path)
	}
	for _, path := range c.paths() {
		record, _, _ := strings.Cut(path, ".")
		wasClass, isClass := c.was.class(path), c.is.class(path)
		wasReads, wasTells := c.was.sights(role, record, wasClass)
		isReads, isTells := c.is.sights(role, record, isClass)
		wasCell, isCell := c.was.cell(wasClass, role), c.is.cell(isClass, role)
		base := sightChange{wasClass: wasClass, isClass: isClass}
		base.was, base.is, base.does = wasCell.words(wasCell.read, wasCell.Consent), isCell.words(isCell.read, isCell.Consent), "read"
		read := compareSights(base, wasReads, isReads)
		base.was, base.is, base.does = wasCell.words(wasCell.tell, false), isCell.words(isCell.tell, false), "tell"
		told := compareSights(base, wasTells, isTells)
		if read.effect != "" {
			add(read, path)
		}
		if told.effect != "" {
			add(told, path)
		}
		// For whom a field is shut before and after, only another reason for that is news.
		shut := isReads.none() && isTells.none() && wasClass != isClass
		if read.effect == "" && told.effect == "" && !shut && (wasClass != isClass || !slices.Equal(wasCell.because, isCell.because)) {
			base.does, base.effect = "read", Other
			base.was, base.is = "because "+strings.Join(wasCell.because, " "), "because "+strings.Join(isCell.because, " ")
			add(base, path)
		}
	}
	for _, s := range order {
		c.sayField(role, s, outermost(groups[s]))
	}
}

// paths are the fields of both contracts. A class that has none stands for itself:
// what is decided about it holds for its first field.
func (c *comparison) paths() []string {
	list := slices.Clone(c.is.paths)
	list = append(list, gained(list, c.was.paths)...)
	filled := make(map[string]bool)
	for _, path := range list {
		filled[c.was.class(path)], filled[c.is.class(path)] = true, true
	}
	for class := range values[jisrv1.DataClass]() {
		if name := agreement.ClassName(class); !filled[name] {
			list = append(list, name)
		}
	}
	return list
}

// compareSights says what became of a sight; no effect: it is as it was.
func compareSights(s sightChange, was, is sight) sightChange {
	switch {
	case is.beyond(was):
		s.effect = More
	case was.beyond(is):
		s.effect = Less
	default:
		return s
	}
	if was.none() {
		s.was = "NEVER"
	}
	if is.none() {
		s.is = "NEVER"
	}
	same := was
	same.purposes = is.purposes
	switch {
	case !was.none() && !is.none() && !is.beyond(same) && !same.beyond(is):
		// Nothing but purposes: told once for all classes.
		came, went := gained(was.purposes, is.purposes), gained(is.purposes, was.purposes)
		s.was, s.is = strings.Join(was.purposes, " "), strings.Join(is.purposes, " ")
		s.purposes = strings.Join(came, ", ")
		if s.effect == Less {
			s.purposes = strings.Join(went, ", ")
		}
		s.wasClass, s.isClass = "", ""
	case s.was == s.is && s.wasClass == s.isClass:
		// The cell is as it was, and the shelf is not.
		s.was, s.is = was.by(), is.by()
	}
	return s
}

// outermost drops what lies inside a field of the list.
func outermost(paths []string) []string {
	return slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
		for i := strings.LastIndex(path, "."); i > 0; i = strings.LastIndex(path[:i], ".") {
			if slices.Contains(paths, path[:i]) {
				return true
			}
		}
		return false
	})
}

func (c *comparison) sayField(role string, s sightChange, paths []string) {
	change := Change{Who: role, Does: s.does, What: paths, Class: s.isClass, Was: s.was, Is: s.is}
	if change.Class == "" {
		change.Class = s.wasClass
	}
	verb := map[string]map[Effect]string{
		"read": {More: "SEES MORE", Less: "sees less", Other: "sees the same"},
		"tell": {More: "TELLS MORE", Less: "tells less", Other: "tells the same"},
	}[s.does][s.effect]
	list := strings.Join(paths, ", ")
	if list == s.isClass {
		list = "no field yet"
	}
	switch {
	case s.purposes != "" && s.effect == More:
		c.say(s.effect, change, "%s %s: also for %s, of %s", role, verb, s.purposes, list)
	case s.purposes != "":
		c.say(s.effect, change, "%s %s: no longer for %s, of %s", role, verb, s.purposes, list)
	case s.wasClass == "":
		c.say(s.effect, change, "%s %s: %s, new in %s (%s)", role, verb, list, s.isClass, s.is)
	case s.isClass == "":
		c.say(s.effect, change, "%s %s: %s, gone from %s (%s)", role, verb, list, s.wasClass, s.was)
	case s.wasClass != s.isClass:
		c.say(s.effect, change, "%s %s: %s, moved from %s (%s) to %s (%s)", role, verb, list, s.wasClass, s.was, s.isClass, s.is)
	default:
		c.say(s.effect, change, "%s %s of %s: was %s; is %s (%s)", role, verb, s.isClass, s.was, s.is, list)
	}
}

// referrals compares how far a referral opens the file, and to whom.
func (c *comparison) referrals() {
	for kind := range values[jisrv1.Referral_Kind]() {
		name := referralName(kind)
		about := func(b *book, part string) []string { return b.of(kindReferral, name+" "+part) }
		wasRoles, isRoles := about(c.was, "receivers"), about(c.is, "receivers")
		both(wasRoles, isRoles, func(effect Effect, roles []string) {
			text := map[Effect]string{More: "%s MAY RECEIVE a referral of kind %s", Less: "%s no longer receives a referral of kind %s"}[effect]
			for _, role := range roles {
				c.say(effect, Change{Who: role, Does: "refer", What: []string{name}, Was: strings.Join(wasRoles, " "), Is: strings.Join(isRoles, " ")}, text, role, name)
			}
		})
		wasNeeds, isNeeds := about(c.was, "needs"), about(c.is, "needs")
		wasScope, isScope := about(c.was, "scope"), about(c.is, "scope")
		for _, role := range isRoles {
			if went := gained(isNeeds, wasNeeds); len(went) > 0 {
				c.say(More, Change{Who: role, Does: "refer", What: []string{name}, Was: strings.Join(wasNeeds, " "), Is: strings.Join(isNeeds, " ")},
					"%s SEES MORE: a referral of kind %s no longer needs %s", role, name, strings.Join(went, " "))
			} else if came := gained(wasNeeds, isNeeds); len(came) > 0 {
				c.say(Less, Change{Who: role, Does: "refer", What: []string{name}, Was: strings.Join(wasNeeds, " "), Is: strings.Join(isNeeds, " ")},
					"%s sees less: a referral of kind %s also needs %s", role, name, strings.Join(came, " "))
			}
			both(about(c.was, "purposes"), about(c.is, "purposes"), func(effect Effect, purposes []string) {
				if !slices.Contains(wasNeeds, wordConsent) || !slices.Contains(isNeeds, wordConsent) {
					return // told of already
				}
				text := map[Effect]string{More: "%s SEES MORE: a referral of kind %s is carried also by a consent to %s", Less: "%s sees less: a referral of kind %s is no longer carried by a consent to %s"}[effect]
				change := Change{Who: role, Does: "refer", What: append([]string{name}, purposes...), Was: strings.Join(about(c.was, "purposes"), " "), Is: strings.Join(about(c.is, "purposes"), " ")}
				c.say(effect, change, text, role, name, strings.Join(purposes, ", "))
			})
			c.scope("refer", role, jisrv1.Link_LINK_RECEIVER, "a referral of kind "+name, name, wasScope, isScope)
		}
	}
}

// notifications compares how far a notification opens the file to whoever is told.
func (c *comparison) notifications() {
	for subject := range values[jisrv1.Notification_Subject]() {
		name := subjectName(subject)
		for role := range values[jisrv1.Role]() {
			role := strings.ToLower(strings.TrimPrefix(role.String(), "ROLE_"))
			c.scope("notify", role, jisrv1.Link_LINK_NOTIFIED, "a notification of "+name, name, c.was.notified(name, role), c.is.notified(name, role))
		}
	}
}

// notified returns what a notification opens to a role.
func (b *book) notified(subject, role string) []string {
	list := slices.Clone(b.of(kindNotification, subject+" scope"))
	for _, class := range b.of(kindNotification, subject+" with_consent") {
		if b.cell(class, role).Consent && !slices.Contains(list, class) {
			list = append(list, class)
		}
	}
	return list
}

// scope compares what a dealing opens at the most, of what the role's cells let its link open.
func (c *comparison) scope(does, role string, link jisrv1.Link, dealing, name string, was, is []string) {
	both(was, is, func(effect Effect, classes []string) {
		b := c.is
		if effect == Less {
			b = c.was
		}
		classes = slices.DeleteFunc(classes, func(class string) bool { return !b.cell(class, role).ReadBy(classNamed(class)).Has(link) })
		if len(classes) == 0 {
			return
		}
		text := map[Effect]string{More: "%s SEES MORE: %s opens also %s", Less: "%s sees less: %s no longer opens %s"}[effect]
		c.say(effect, Change{Who: role, Does: does, What: append([]string{name}, classes...), Was: strings.Join(was, " "), Is: strings.Join(is, " ")},
			text, role, dealing, strings.Join(classes, ", "))
	})
}
