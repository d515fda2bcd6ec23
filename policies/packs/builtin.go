package packs

import (
	"slices"

	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

// A builtin is a check in Go, for what expressions cannot say.
type builtin struct {
	check    policies.Check
	concerns func(*fact.Gap) bool
}

// notBuiltName is the builtin of rules that this version cannot answer: it is always
// unknown, for want of what the rule's missing names.
const notBuiltName = "not-built"

// builtins are the checks that a rule may name, in any pack.
func builtins() map[string]builtin {
	return map[string]builtin{
		"update-is-signed":                {check(updateIsSigned), aboutWholeFile},
		"signatures-hold":                 {check(signaturesHold), aboutPackage},
		"signer-is-trusted":               {policies.CheckFunc(signerTrusted), aboutWholeFile},
		"signature-accepted":              {perWholeFile(accepted), aboutWholeFile},
		"no-public-keys":                  {check(noPublicKeys), aboutKeys},
		"no-weak-algorithm":               {perWholeFile(noWeakAlgorithm), aboutWholeFile},
		"all-bytes-signed":                {perWholeFile(allBytesSigned), aboutWholeFile},
		"otacert-agrees":                  {check(otacertAgrees), aboutOTACert},
		"package-unambiguous":             {check(packageUnambiguous), nil},
		"metadata-present":                {check(metadataPresent), nil},
		"metadata-consistent":             {check(metadataConsistent), nil},
		"metadata-agrees-with-properties": {check(metadataAgrees), aboutBuildProp},
		"script-stays-inside":             {check(scriptStaysInside), nil},
		"no-downgrade":                    {policies.CheckFunc(noDowngrade), aboutSchemes([]string{schemeAVB})},
		"cloud-messaging-opt-in":          {check(optIn), nil},
		"app-signers-unchanged":           {policies.CheckFunc(signersUnchanged), aboutSchemes([]string{schemeAPK, schemeAPEX})},
		"shared-users-agree":              {check(sharedUsersAgree), aboutSchemes([]string{schemeAPK})},
		"otacerts-agree":                  {check(otacertsAgree), aboutStores},
		"part-signers-are-trusted":        {policies.CheckFunc(partsTrusted), aboutSchemes(nil)},
		"payload-hashes-hold":             {check(payloadHashes), aboutSchemes([]string{schemePartitionHash})},
	}
}

// Builtins lists the names of the checks in Go.
func Builtins() []string {
	names := []string{notBuiltName}
	for name := range builtins() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// notBuilt is the check of a rule that this version cannot answer.
func notBuilt(kind fact.Kind, missing string) policies.Check {
	return check(func(*fact.Facts) []policies.Judgement {
		return []policies.Judgement{unknown(fact.UpdateSubject, kind, nil, "%s", missing)}
	})
}
