package agreement

import (
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	jisrv1 "github.com/jisr-exchange/jisr/gen/jisr/v1"
	"github.com/jisr-exchange/jisr/services/record"
)

// Reflection is the name under which the agreement grants server reflection,
// the one standard service that shows callers anything. It is no rpc of the
// contract, so the contract's descriptors do not list it.
const Reflection = "grpc.reflection/ServerReflectionInfo"

// Rpcs returns what an agreement must decide: every rpc of the contract as
// "CaseService/GetCase", and server reflection; sorted.
func Rpcs() []string {
	names := []string{Reflection}
	protoregistry.GlobalFiles.RangeFilesByPackage("jisr.v1", func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				names = append(names, string(service.Name())+"/"+string(service.Methods().Get(j).Name()))
			}
		}
		return true
	})
	slices.Sort(names)
	return names
}

// rpcs reads the door: who may call what.
func (p *parser) rpcs() {
	missing := make(map[string]bool)
	for _, name := range Rpcs() {
		missing[name] = true
	}
	for _, t := range p.msg.GetRpcs() {
		name := t.GetRpc()
		if _, twice := p.law.rpcs[name]; twice {
			p.wrong("rpc %s: there twice", name)
			continue
		}
		if !missing[name] {
			p.wrong("rpc %s: the contract has no such rpc", name)
		}
		delete(missing, name)
		roles := Roles(distinct(p, "rpc "+name+": roles", t.GetRoles())...)
		if t.GetNobody() == (roles != 0) {
			p.wrong("rpc %s: name either roles or nobody", name)
		}
		p.law.rpcs[name] = roles
	}
	for _, name := range Rpcs() {
		if missing[name] {
			p.gap("rpc %s is missing: name its roles or nobody", name)
		}
	}
}

// records reads the shelf: who may know that a record exists.
func (p *parser) records() {
	missing := make(map[string]bool)
	for _, t := range record.Types() {
		missing[t.Name] = true
	}
	for _, t := range p.msg.GetRecords() {
		name := t.GetRecord()
		if _, twice := p.law.shelves[name]; twice {
			p.wrong("record %s: there twice", name)
			continue
		}
		if !missing[name] {
			p.wrong("record %s: the contract has no such record", name)
		}
		delete(missing, name)
		shelf := new([maxRoles]LinkSet)
		var got seen[jisrv1.Role]
		for _, c := range t.GetCells() {
			if !got.once(p, "record "+name, c.GetRole()) {
				continue
			}
			where := "record " + name + ", " + c.GetRole().String()
			links := Links(distinct(p, where+": links", c.GetLinks())...)
			p.checkReasons(where, c.GetReasons())
			if links.Has(jisrv1.Link_LINK_OVERSIGHT) && !p.law.Oversight(c.GetRole()) {
				p.wrong("%s: LINK_OVERSIGHT is for roles that have oversight", where)
			}
			if links != 0 && c.GetRole() == jisrv1.Role_ROLE_OPERATIONS {
				p.wrong("%s: operations never knows that a record exists", where)
			}
			shelf[c.GetRole()] = links
		}
		got.checkAll(p, "record "+name)
		p.law.shelves[name] = shelf
	}
	for _, t := range record.Types() {
		if missing[t.Name] {
			p.gap("record %s is missing", t.Name)
		}
	}
}

// classes reads the page: who may see and who may tell which class.
func (p *parser) classes() {
	var got seen[jisrv1.DataClass]
	for _, t := range p.msg.GetClasses() {
		class := t.GetDataClass()
		if !got.once(p, "classes", class) {
			continue
		}
		p.askTerms(class, t.GetAsk())
		var roles seen[jisrv1.Role]
		for _, c := range t.GetCells() {
			if roles.once(p, class.String(), c.GetRole()) {
				p.law.cells[c.GetRole()][class] = p.cell(class, c)
			}
		}
		roles.checkAll(p, class.String())
	}
	got.checkAll(p, "classes")
}

func (p *parser) askTerms(class jisrv1.DataClass, terms []*jisrv1.AskTerms) {
	var got seen[jisrv1.Jurisdiction]
	for _, a := range terms {
		where := class.String() + ": ask"
		if !got.once(p, where, a.GetJurisdiction()) {
			continue
		}
		if _, ok := p.law.agencies[a.GetAgency()]; !ok {
			p.wrong("%s %v: no such agency in this agreement", where, a.GetJurisdiction())
		}
		p.law.asks[class][a.GetJurisdiction()] = "agencies/" + a.GetAgency()
	}
	got.checkAll(p, class.String()+": ask")
}

// partyClasses would tell a monitor, through an agency's name, what its pseudonyms are there to hide.
var partyClasses = record.Classes(
	jisrv1.DataClass_DATA_CLASS_CASE_PARTIES,
	jisrv1.DataClass_DATA_CLASS_REFERRAL_PARTIES,
	jisrv1.DataClass_DATA_CLASS_SHARE_TERMS,
	jisrv1.DataClass_DATA_CLASS_LOG_AGENCY,
)

func (p *parser) cell(class jisrv1.DataClass, c *jisrv1.ClassCell) Cell {
	where := class.String() + ", " + c.GetRole().String()
	cell := Cell{
		Read:    p.conditions(where+": read", c.GetRead()),
		Write:   p.conditions(where+": write", c.GetWrite()),
		Consent: c.GetConsent(),
		Reasons: slices.Clone(c.GetReasons()),
	}
	p.checkReasons(where, cell.Reasons)
	if cell.Write.Has(jisrv1.Condition_CONDITION_ORDER) {
		p.wrong("%s: write: an order opens a class for reading only", where)
	}
	if cell.Consent && cell.Read.Never() {
		p.wrong("%s: consent to what is never read", where)
	}
	opens := !cell.Read.Never() || !cell.Write.Never()
	if c.GetRole() == jisrv1.Role_ROLE_OPERATIONS && opens && class != jisrv1.DataClass_DATA_CLASS_EXCHANGE {
		p.wrong("%s: operations opens no class but the exchange's own words", where)
	}
	if p.law.Pseudonymous(c.GetRole()) && opens && partyClasses.Has(class) {
		p.wrong("%s: a role under pseudonyms sees no parties", where)
	}
	return cell
}

// conditions demands that a list is written out: a class that nothing opens
// says so by NEVER, which stands alone.
func (p *parser) conditions(where string, list []jisrv1.Condition) ConditionSet {
	set := Conditions(distinct(p, where, list)...)
	if len(list) == 0 {
		p.wrong("%s: no condition; write CONDITION_NEVER if nothing opens it", where)
	}
	if set.Has(jisrv1.Condition_CONDITION_NEVER) && len(set.List()) > 1 {
		p.wrong("%s: CONDITION_NEVER stands alone", where)
	}
	return set
}
