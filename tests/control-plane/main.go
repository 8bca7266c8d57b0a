//go:build linux

// Command control-plane is a Kubernetes control plane in one program, for
// tests: etcd, kube-apiserver and kube-controller-manager on loopback, and kubectl.
// There is no kubelet, so Pods stay Pending, and no kube-proxy.
//
//	up ──┬── etcd                     (inside of this process)
//	     ├── kube-apiserver           (this program again, sub-command of that name)
//	     └── kube-controller-manager  (likewise)
package main

import (
	"fmt"
	"io"
	"os"
	_ "time/tzdata" // CronJobs name time zones; this program carries them

	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	"k8s.io/component-base/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

const usage = `usage: control-plane COMMAND [flags]

  up                       run the control plane until SIGTERM, SIGINT, or the
                           end of the parent or of a piped standard input
  kube-apiserver           what 'up' starts; all of its own flags
  kube-controller-manager  what 'up' starts; all of its own flags
  kubectl                  the client of the same version
  version                  the Kubernetes version
`

func main() {
	if len(os.Args) < 2 {
		fail(2, os.Stderr, usage)
	}
	name := os.Args[1]
	os.Args = os.Args[1:] // the components read their flags from here
	switch name {
	case "up":
		os.Exit(up(os.Args[1:]))
	case "kube-apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "kube-controller-manager":
		os.Exit(cli.Run(controllers.NewControllerManagerCommand()))
	case "kubectl":
		_, _ = logs.GlogSetter(kubectl.GetLogVerbosity(os.Args)) // -v counts from the first line on
		if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
			kubectlutil.CheckErr(err) // kubectl's own words, and exit
		}
	case "version":
		fmt.Println(version.Get().GitVersion)
	case "help", "-h", "--help":
		fmt.Print(usage)
	default:
		fail(2, os.Stderr, fmt.Sprintf("unknown command %q\n%s", name, usage))
	}
}

func fail(code int, to io.Writer, text string) {
	fmt.Fprint(to, text)
	os.Exit(code)
}
