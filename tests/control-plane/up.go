//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// The controllers that a test needs: what owns Pods, what deletes, and the
// ServiceAccount controller, without which no Pod can be created.
var defaultControllers = []string{
	"namespace-controller",
	"serviceaccount-controller",
	"deployment-controller",
	"replicaset-controller",
	"statefulset-controller",
	"daemonset-controller",
	"job-controller",
	"cronjob-controller",
	"garbage-collector-controller",
	"endpointslice-controller",
	"validatingadmissionpolicy-status-controller",
}

// One event for each request that changes something, with the annotations that
// admission added; no bodies.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  verbs: [get, list, watch]
- level: None
  resources: [{group: coordination.k8s.io, resources: [leases]}, {group: "", resources: [events]}, {group: events.k8s.io, resources: [events]}]
- level: Metadata
`

// stopGrace is what each process gets to end by itself. Nothing is lost after
// it: the data is thrown away.
const stopGrace = 5 * time.Second

// values is a flag that may be repeated.
type values []string

func (v *values) String() string     { return strings.Join(*v, " ") }
func (v *values) Set(s string) error { *v = append(*v, s); return nil }

type options struct {
	dir              folder
	readyFile        string
	startTimeout     time.Duration
	lifetime         time.Duration
	keep             bool
	apiServerFlags   values
	controllersFlags values
	parent           int
}

// plane is what runs.
type plane struct {
	etcd           *embed.Etcd
	apiServer      *component
	apiServerFlags []string
	controllers    *component
	ready          func(context.Context) error // whether kube-apiserver is ready
}

func init() {
	// see `start`: children are tied to the thread that starts them
	runtime.LockOSThread()
}

func up(arguments []string) int {
	options := options{parent: os.Getppid()}
	flags := flag.NewFlagSet("control-plane up", flag.ContinueOnError)
	dir := flags.String("dir", "", "folder for kubeconfig, audit.log, logs and data: absent or empty (required)")
	flags.StringVar(&options.readyFile, "ready-file", "", "write the line that says ready to this file, too")
	flags.DurationVar(&options.startTimeout, "start-timeout", 2*time.Minute, "give up when not ready by then")
	flags.DurationVar(&options.lifetime, "lifetime", time.Hour, "end by itself after this long, at most 24h")
	flags.BoolVar(&options.keep, "keep-data", false, "leave etcd's data in the folder")
	flags.Var(&options.apiServerFlags, "kube-apiserver-flag", "a further flag, such as --runtime-config=api/all=false; may be repeated")
	flags.Var(&options.controllersFlags, "kube-controller-manager-flag", "likewise for the controllers")
	if err := flags.Parse(arguments); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	if *dir == "" || flags.NArg() != 0 || options.lifetime > 24*time.Hour {
		flags.Usage()
		return 2
	}
	absolute, err := filepath.Abs(*dir)
	if err == nil {
		options.dir = folder(absolute)
		err = run(options)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "control-plane:", err)
		return 1
	}
	return 0
}

func run(options options) error {
	if err := prepare(options.dir); err != nil {
		return err
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	life, end := context.WithTimeout(context.Background(), options.lifetime)
	defer end()
	go func() { // a second signal is not needed: stopping is bounded
		<-signals
		end()
	}()
	go watchParent(options.parent, end)
	restarts := make(chan os.Signal, 1)
	signal.Notify(restarts, syscall.SIGUSR1)

	began := time.Now()
	var p plane
	defer p.stop(options)
	line, err := p.begin(life, options)
	if err != nil {
		if life.Err() != nil {
			return nil // asked to end while starting
		}
		return err
	}
	line = fmt.Sprintf("ready in %.1fs: %s\n", time.Since(began).Seconds(), line)
	if options.readyFile != "" {
		if err := writeWhole(options.readyFile, line); err != nil {
			return err
		}
	}
	fmt.Print(line)

	for count := 1; ; {
		select {
		case <-life.Done():
			return nil
		case <-restarts:
			if err := p.restartAPIServer(life, options); err != nil {
				return err
			}
			if err := writeWhole(options.dir.path("restarts"), strconv.Itoa(count)); err != nil {
				return err
			}
			count++
		case <-p.apiServer.ended:
			return p.apiServer.failure()
		case <-p.controllers.ended:
			return p.controllers.failure()
		case err := <-p.etcd.Err():
			return fmt.Errorf("etcd: %w", err)
		}
	}
}

// restartAPIServer ends kube-apiserver and starts it again over the same data,
// as an upgrade of a node of the control plane does. It returns when the new
// one is ready, or with an error after the start timeout.
func (p *plane) restartAPIServer(life context.Context, options options) (err error) {
	within, cancel := context.WithTimeout(life, options.startTimeout)
	defer cancel()
	p.apiServer.stop(stopGrace)
	if p.apiServer, err = start(options.dir, "kube-apiserver", p.apiServerFlags); err != nil {
		return err
	}
	return poll(within, "kube-apiserver is ready again", p.apiServer, func() error { return p.ready(within) })
}

// begin starts everything in order and returns when a Pod could be created.
func (p *plane) begin(life context.Context, options options) (string, error) {
	dir := options.dir
	within, cancel := context.WithTimeout(life, options.startTimeout)
	defer cancel()

	port, err := reservePort()
	if err != nil {
		return "", err
	}
	server := "https://127.0.0.1:" + strconv.Itoa(port)
	credentials, err := writeCredentials(dir, server)
	if err != nil {
		return "", err
	}
	etcd, etcdURL, err := startEtcd(dir, options.startTimeout)
	if err != nil {
		return "", err
	}
	p.etcd = etcd

	p.apiServerFlags = append([]string{
		"--etcd-servers=" + etcdURL,
		"--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(port),
		"--permit-port-sharing=true",
		// an address that may stand in endpoints (loopback may not) and is
		// routed nowhere (RFC 5737); the reconciler would publish it
		"--advertise-address=192.0.2.1",
		"--endpoint-reconciler-type=none",
		"--tls-cert-file=" + credentials.serverCertificate,
		"--tls-private-key-file=" + credentials.serverKey,
		"--client-ca-file=" + credentials.ca,
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-signing-key-file=" + credentials.tokenPrivate,
		"--service-account-key-file=" + credentials.tokenPublic,
		"--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=RBAC",
		"--runtime-config=api/all=true",
		"--allow-privileged=true",
		"--audit-policy-file=" + credentials.auditPolicy,
		"--audit-log-path=" + dir.path("audit.log"),
	}, options.apiServerFlags...)
	p.apiServer, err = start(dir, "kube-apiserver", p.apiServerFlags)
	if err != nil {
		return "", err
	}
	client, err := p.awaitAPIServer(within, credentials.kubeconfig)
	if err != nil {
		return "", err
	}

	p.controllers, err = start(dir, "kube-controller-manager", append([]string{
		"--kubeconfig=" + credentials.controllersKubeconfig,
		// each controller as its own ServiceAccount, as in most clusters: that
		// is the user whom webhooks see
		"--use-service-account-credentials=true",
		"--controllers=" + strings.Join(defaultControllers, ","),
		"--leader-elect=false",
		"--secure-port=0",
	}, options.controllersFlags...))
	if err != nil {
		return "", err
	}
	if err := p.awaitServiceAccount(within, client); err != nil {
		return "", err
	}
	return "server=" + server + " kubeconfig=" + credentials.kubeconfig, nil
}

// awaitAPIServer waits for /readyz, which includes the bootstrap of RBAC.
func (p *plane) awaitAPIServer(within context.Context, kubeconfig string) (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.Timeout = 5 * time.Second
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	p.ready = func(within context.Context) error {
		_, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(within)
		return err
	}
	return client, poll(within, "kube-apiserver is ready", p.apiServer, func() error { return p.ready(within) })
}

// awaitServiceAccount waits until the controllers have made what every Pod in
// the namespace `default` names.
func (p *plane) awaitServiceAccount(within context.Context, client kubernetes.Interface) error {
	return poll(within, "the controllers work", p.controllers, func() error {
		_, err := client.CoreV1().ServiceAccounts("default").Get(within, "default", metav1.GetOptions{})
		return err
	})
}

// poll asks until there is no error, the process ends or the time is over.
func poll(within context.Context, what string, process *component, ask func() error) error {
	for {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-process.ended:
			return process.failure()
		case <-within.Done():
			return fmt.Errorf("gave up waiting until %s: %w\n%s", what, err, tail(process.log, 4096))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stop ends the clients of each part before the part itself: without etcd,
// kube-apiserver hangs on SIGTERM.
func (p *plane) stop(options options) {
	p.controllers.stop(stopGrace)
	p.apiServer.stop(stopGrace)
	if p.etcd != nil {
		p.etcd.Close()
	}
	if !options.keep {
		_ = os.RemoveAll(options.dir.path("etcd"))
	}
}

// credentials are paths of files.
type credentials struct {
	ca, serverCertificate, serverKey  string
	tokenPrivate, tokenPublic         string
	auditPolicy                       string
	kubeconfig, controllersKubeconfig string
}

func writeCredentials(dir folder, server string) (c credentials, err error) {
	ca, err := newAuthority()
	if err != nil {
		return c, err
	}
	serving, err := ca.server(
		[]string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
		[]net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 96, 0, 1)},
	)
	if err != nil {
		return c, err
	}
	admin, err := ca.client("admin", "system:masters")
	if err != nil {
		return c, err
	}
	controllers, err := ca.client("system:kube-controller-manager")
	if err != nil {
		return c, err
	}
	private, public, err := tokenKeys()
	if err != nil {
		return c, err
	}
	if c.serverCertificate, c.serverKey, err = dir.writePair("kube-apiserver", serving); err != nil {
		return c, err
	}
	for _, file := range []struct {
		path    *string
		name    string
		content []byte
	}{
		{&c.ca, "ca.crt", ca.pem},
		{&c.tokenPrivate, "service-account.key", private},
		{&c.tokenPublic, "service-account.pub", public},
		{&c.auditPolicy, "audit-policy.yaml", []byte(auditPolicy)},
	} {
		if *file.path, err = dir.write(file.name, file.content); err != nil {
			return c, err
		}
	}
	c.kubeconfig = dir.path("kubeconfig")
	if err = writeKubeconfig(c.kubeconfig, server, ca, admin); err != nil {
		return c, err
	}
	c.controllersKubeconfig = dir.path("kube-controller-manager.kubeconfig")
	return c, writeKubeconfig(c.controllersKubeconfig, server, ca, controllers)
}

func writeKubeconfig(path, server string, ca *authority, client pair) error {
	config := clientcmdapi.NewConfig()
	config.Clusters["control-plane"] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: ca.pem}
	config.AuthInfos["client"] = &clientcmdapi.AuthInfo{
		ClientCertificateData: client.certificate,
		ClientKeyData:         client.key,
	}
	config.Contexts["control-plane"] = &clientcmdapi.Context{Cluster: "control-plane", AuthInfo: "client"}
	config.CurrentContext = "control-plane"
	return clientcmd.WriteToFile(*config, path) // mode 0600
}

// prepare makes the folder, private to this user, and refuses one that holds
// something: it may be another's.
func prepare(dir folder) error {
	if err := os.MkdirAll(string(dir), 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(string(dir))
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty (it has %s)", dir, entries[0].Name())
	}
	return nil
}

// watchParent calls end when the process that started us has gone, or when a
// pipe on standard input is closed. Standard input that is no pipe says nothing.
func watchParent(parent int, end func()) {
	if info, err := os.Stdin.Stat(); err == nil && info.Mode()&(os.ModeNamedPipe|os.ModeSocket) != 0 {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			end()
		}()
	}
	for os.Getppid() == parent {
		time.Sleep(250 * time.Millisecond)
	}
	end()
}

// writeWhole writes a file that is never seen half written.
func writeWhole(path, text string) error {
	partial := path + ".part"
	if err := os.WriteFile(partial, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(partial, path)
}
