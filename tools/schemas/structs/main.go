// structs prints how Go sees the types of Kubernetes' APIs: what OpenAPI does not say and JSON shows.
//
// A line `= PACKAGE.Name GO-TYPE` for each struct that a served kind reaches, then a line for each member of its JSON:
// NAME, its embedded structs joined by dots (or `-`), `omitempty` and `omitzero` as `e` and `z` (or `-`), its type.
package main

import (
	"bufio"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"

	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	aggregator "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

var seen = map[string]reflect.Type{}

// These read and write JSON by code of their own.
var special = map[string]string{
	"k8s.io/apimachinery/pkg/apis/meta/v1.Time":                                          "time",
	"k8s.io/apimachinery/pkg/apis/meta/v1.MicroTime":                                     "microtime",
	"k8s.io/apimachinery/pkg/apis/meta/v1.Duration":                                      "duration",
	"k8s.io/apimachinery/pkg/apis/meta/v1.FieldsV1":                                      "raw",
	"k8s.io/apimachinery/pkg/runtime.RawExtension":                                       "raw",
	"k8s.io/apimachinery/pkg/api/resource.Quantity":                                      "quantity",
	"k8s.io/apimachinery/pkg/util/intstr.IntOrString":                                    "intstr",
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSON":                      "raw",
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrBool":     "schemaorbool",
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrArray":    "schemaorlist",
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1.JSONSchemaPropsOrStringArray": "schemaorstrings",
}

// A name of its own stands before a type: `v1.ResourceList={}quantity`.
func named(t reflect.Type, text string) string {
	if t.PkgPath() == "" {
		return text
	}
	return t.String() + "=" + text
}

func describe(t reflect.Type) string {
	name := t.PkgPath() + "." + t.Name()
	if text, ok := special[name]; ok {
		return text
	}
	switch t.Kind() {
	case reflect.Pointer:
		return "*" + describe(t.Elem())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return named(t, "bytes")
		}
		return named(t, "[]"+describe(t.Elem()))
	case reflect.Map:
		key := ""
		if t.Key().PkgPath() != "" && t.PkgPath() == "" {
			key = t.Key().String()
		}
		return named(t, "{"+key+"}"+describe(t.Elem()))
	case reflect.Struct:
		if _, ok := seen[name]; !ok {
			seen[name] = t
			fields(t)
		}
		return name
	default:
		return named(t, t.Kind().String())
	}
}

func fields(t reflect.Type) []string {
	var lines []string
	collect(t, "", &lines)
	return lines
}

func collect(t reflect.Type, embedded string, lines *[]string) {
	for i := 0; i < t.NumField(); i++ {
		field := t.Field(i)
		tag, ok := field.Tag.Lookup("json")
		name, options, _ := strings.Cut(tag, ",")
		if name == "-" || (!field.IsExported() && !field.Anonymous) {
			continue
		}
		if field.Anonymous && name == "" {
			inner := field.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			path := field.Name
			if embedded != "" {
				path = embedded + "." + path
			}
			collect(inner, path, lines)
			continue
		}
		if !ok || name == "" {
			name = field.Name
		}
		flags, path := "", embedded
		for _, option := range strings.Split(options, ",") {
			switch option {
			case "omitempty":
				flags += "e"
			case "omitzero":
				flags += "z"
			}
		}
		if flags == "" {
			flags = "-"
		}
		if path == "" {
			path = "-"
		}
		*lines = append(*lines, fmt.Sprintf("%s %s %s %s", name, path, flags, describe(field.Type)))
	}
}

func main() {
	aggregator.AddToScheme(scheme.Scheme)
	apiextensions.AddToScheme(scheme.Scheme)
	for gvk, t := range scheme.Scheme.AllKnownTypes() {
		if gvk.Version != "__internal" && !strings.HasPrefix(t.PkgPath(), "k8s.io/apimachinery") {
			describe(t)
		}
	}
	describe(reflect.TypeFor[metav1.DeleteOptions]())
	names := make([]string, 0, len(seen))
	for name := range seen {
		names = append(names, name)
	}
	sort.Strings(names)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for _, name := range names {
		fmt.Fprintf(out, "= %s %s\n", name, seen[name])
		for _, line := range fields(seen[name]) {
			fmt.Fprintln(out, line)
		}
	}
}
