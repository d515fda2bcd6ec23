package report

import (
	"github.com/otavet/otavet/inspect/fact"
	"github.com/otavet/otavet/policies"
)

// The objects of SARIF 2.1.0, as far as they are used here, with the standard's
// names for their properties.

const sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool struct {
		Driver sarifDriver `json:"driver"`
	} `json:"tool"`
	Invocations        []sarifInvocation   `json:"invocations"`
	AutomationDetails  sarifAutomation     `json:"automationDetails"`
	OriginalURIBaseIDs map[string]sarifURI `json:"originalUriBaseIds"`
	Artifacts          []sarifArtifact     `json:"artifacts"`
	Results            []sarifResult       `json:"results"`
	Properties         sarifRunProperties  `json:"properties"`
}

type sarifRunProperties struct {
	JudgedFrom    string          `json:"judged_from"`
	Outcome       policies.Status `json:"outcome"`
	Counts        policies.Counts `json:"counts"`
	SubjectCounts policies.Counts `json:"subject_counts"`
	Update        update          `json:"update"`
	Inputs        []Input         `json:"inputs"`
	Settings      settings        `json:"settings"`
}

type sarifDriver struct {
	Name           string        `json:"name"`
	Version        string        `json:"version,omitempty"`
	InformationURI string        `json:"informationUri"`
	Rules          []sarifRule   `json:"rules"`
	Notifications  []sarifNotice `json:"notifications"`
}

type sarifNotice struct {
	ID               string       `json:"id"`
	ShortDescription sarifMessage `json:"shortDescription"`
}

type sarifRule struct {
	ID                   string              `json:"id"`
	ShortDescription     sarifMessage        `json:"shortDescription"`
	FullDescription      sarifMessage        `json:"fullDescription"`
	Help                 sarifHelp           `json:"help"`
	HelpURI              string              `json:"helpUri,omitempty"`
	DefaultConfiguration sarifConfiguration  `json:"defaultConfiguration"`
	Properties           sarifRuleProperties `json:"properties"`
}

type sarifHelp struct {
	Text     string `json:"text"`
	Markdown string `json:"markdown"`
}

type sarifConfiguration struct {
	Level string `json:"level"`
}

type sarifRuleProperties struct {
	Tags             []string          `json:"tags"`
	SecuritySeverity string            `json:"security-severity,omitempty"`
	Pack             string            `json:"pack"`
	Severity         policies.Severity `json:"severity"`
	Level            policies.Level    `json:"level"`
}

type sarifMessage struct {
	Text string `json:"text"`
}

type sarifInvocation struct {
	ExitCode            int                 `json:"exitCode"`
	ExitCodeDescription string              `json:"exitCodeDescription"`
	ExecutionSuccessful bool                `json:"executionSuccessful"`
	Execution           []sarifNotification `json:"toolExecutionNotifications"`
	Configuration       []sarifNotification `json:"toolConfigurationNotifications,omitempty"`
}

type sarifNotification struct {
	Descriptor     sarifReference  `json:"descriptor"`
	AssociatedRule *sarifReference `json:"associatedRule,omitempty"`
	Level          string          `json:"level"`
	Message        sarifMessage    `json:"message"`
	Locations      []sarifLocation `json:"locations,omitempty"`
}

type sarifReference struct {
	ID    string `json:"id"`
	Index *int   `json:"index,omitempty"`
}

type sarifAutomation struct {
	ID          string       `json:"id"`
	Description sarifMessage `json:"description"`
}

type sarifArtifact struct {
	Location sarifURI          `json:"location"`
	Length   int64             `json:"length,omitempty"`
	Roles    []string          `json:"roles"`
	Hashes   map[string]string `json:"hashes,omitempty"`
}

type sarifResult struct {
	RuleID              string                `json:"ruleId"`
	RuleIndex           int                   `json:"ruleIndex"`
	Kind                string                `json:"kind"`
	Level               string                `json:"level"`
	Message             sarifMessage          `json:"message"`
	Locations           []sarifLocation       `json:"locations"`
	RelatedLocations    []sarifLocation       `json:"relatedLocations,omitempty"`
	PartialFingerprints map[string]string     `json:"partialFingerprints"`
	Suppressions        []sarifSuppression    `json:"suppressions,omitzero"`
	BaselineState       string                `json:"baselineState,omitempty"`
	Properties          sarifResultProperties `json:"properties"`
}

type sarifSuppression struct {
	Kind          string `json:"kind"`
	Status        string `json:"status"`
	Justification string `json:"justification,omitempty"`
}

type sarifResultProperties struct {
	Status          policies.Status `json:"status"`
	Subject         fact.Subject    `json:"subject"`
	Look            string          `json:"look,omitempty"` // the command that shows the evidence
	Assumptions     []string        `json:"assumptions,omitempty"`
	EvidenceLeftOut int             `json:"evidence_left_out,omitempty"`
}

type sarifLocation struct {
	ID               *int           `json:"id,omitempty"`
	PhysicalLocation sarifPhysical  `json:"physicalLocation"`
	LogicalLocations []sarifLogical `json:"logicalLocations"`
	Message          *sarifMessage  `json:"message,omitempty"`
}

type sarifPhysical struct {
	ArtifactLocation sarifURI     `json:"artifactLocation"`
	Region           *sarifRegion `json:"region,omitempty"`
}

type sarifURI struct {
	URI         string        `json:"uri,omitempty"`
	URIBaseID   string        `json:"uriBaseId,omitempty"`
	Description *sarifMessage `json:"description,omitempty"`
}

// A sarifRegion has one of the two: bytes are no lines.
type sarifRegion struct {
	StartLine  *int64 `json:"startLine,omitempty"`
	ByteOffset *int64 `json:"byteOffset,omitempty"`
}

type sarifLogical struct {
	Name               string `json:"name,omitempty"`
	FullyQualifiedName string `json:"fullyQualifiedName"`
	Kind               string `json:"kind,omitempty"`
}
