//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"golang.org/x/sys/unix"
)

// component is one child process.
type component struct {
	name    string
	log     string // path of the file with its output
	process *os.Process
	ended   chan struct{} // closed when the process has ended
	status  error         // set before ended is closed
}

// start runs this program again as `name`.
//
// A child has its own process group, so that a terminal's ^C reaches only us
// and the order of stopping stays ours. The kernel kills it when we die without
// stopping it: that signal follows the *thread* that started the child, which
// is why `up` runs on the locked main thread and calls this from there.
func start(dir folder, name string, flags []string) (*component, error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, err
	}
	path := dir.path(name + ".log")
	log, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	command := exec.Command(executable, append([]string{name}, flags...)...)
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	c := &component{name: name, log: path, process: command.Process, ended: make(chan struct{})}
	go func() {
		c.status = command.Wait()
		close(c.ended)
	}()
	return c, nil
}

// stop asks the process to end, and kills it after grace.
func (c *component) stop(grace time.Duration) {
	if c == nil {
		return
	}
	_ = c.process.Signal(syscall.SIGTERM)
	select {
	case <-c.ended:
	case <-time.After(grace):
		_ = c.process.Kill()
		<-c.ended
	}
}

// failure says how the process ended by itself, with the end of its log.
func (c *component) failure() error {
	status := "ended"
	if c.status != nil {
		status = c.status.Error()
	}
	return fmt.Errorf("%s: %s\n%s", c.name, status, tail(c.log, 4096))
}

// tail reads the last lines of a file, at most limit bytes.
func tail(path string, limit int64) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() > limit {
		if _, err := file.Seek(-limit, io.SeekEnd); err != nil {
			return ""
		}
	}
	text, _ := io.ReadAll(io.LimitReader(file, limit))
	return strings.TrimRight(string(text), "\n")
}

// startEtcd runs etcd in this process, on a port that the kernel chooses, and
// returns the URL for its clients. It forgoes fsync: a test's data need not
// outlive the machine.
func startEtcd(dir folder, within time.Duration) (*embed.Etcd, string, error) {
	loopback := url.URL{Scheme: "http", Host: "127.0.0.1:0"}
	config := embed.NewConfig()
	config.Name = "control-plane"
	config.Dir = dir.path("etcd")
	config.ListenClientUrls = []url.URL{loopback}
	config.AdvertiseClientUrls = []url.URL{loopback}
	config.ListenPeerUrls = []url.URL{loopback}
	config.AdvertisePeerUrls = []url.URL{loopback}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.EnableGRPCGateway = false // it would dial the port as configured: 0
	config.UnsafeNoFsync = true
	config.LogLevel = "warn"
	config.LogOutputs = []string{dir.path("etcd.log")}
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return nil, "", fmt.Errorf("start etcd: %w", err)
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, "http://" + etcd.Clients[0].Addr().String(), nil
	case err := <-etcd.Err():
		etcd.Close()
		return nil, "", fmt.Errorf("etcd: %w", err)
	case <-time.After(within):
		etcd.Close()
		return nil, "", errors.New("etcd: not ready in time")
	}
}

// reservePort picks a free port of 127.0.0.1 and keeps it from others until this
// process ends. The socket is bound and never listens, so a server that permits
// port sharing (SO_REUSEPORT) gets every connection, also one started later.
func reservePort() (int, error) {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	if err = unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err == nil {
		err = unix.Bind(socket, &unix.SockaddrInet4{Addr: [4]byte(net.IPv4(127, 0, 0, 1).To4())})
	}
	var address unix.Sockaddr
	if err == nil {
		address, err = unix.Getsockname(socket)
	}
	if err != nil {
		_ = unix.Close(socket)
		return 0, fmt.Errorf("reserve a port: %w", err)
	}
	return address.(*unix.SockaddrInet4).Port, nil
}
