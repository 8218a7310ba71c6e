// The other end of a TLS connection, by Go's crypto/tls alone: peer server|client BUNDLE SVID KEY ID [ADDRESS].
//
// Verifies as a SPIFFE-aware service does: a path to the bundle for the use at this end, exactly one URI, which is the ID of the
// peer that is expected. A server prints its address first. Each end prints the peer's ID and what it read.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	role, expected := args[0], args[4]
	pem, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return errors.New("no authority in the bundle")
	}
	own, err := tls.LoadX509KeyPair(args[2], args[3])
	if err != nil {
		return err
	}
	use := map[string]x509.ExtKeyUsage{"server": x509.ExtKeyUsageClientAuth, "client": x509.ExtKeyUsageServerAuth}[role]
	config := &tls.Config{
		MinVersion:         tls.VersionTLS13,
		Certificates:       []tls.Certificate{own},
		ClientAuth:         tls.RequireAnyClientCert,
		InsecureSkipVerify: true, // names of hosts mean nothing here: verified below
		VerifyConnection: func(state tls.ConnectionState) error {
			return verify(state.PeerCertificates, roots, use, expected)
		},
	}
	if role == "server" {
		return serve(config)
	}
	connection, err := tls.Dial("tcp", args[5], config)
	if err != nil {
		return err
	}
	return talk(connection)
}

func serve(config *tls.Config) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	accepted, err := listener.Accept()
	if err != nil {
		return err
	}
	return talk(tls.Server(accepted, config))
}

func talk(connection *tls.Conn) error {
	defer connection.Close()
	if err := connection.Handshake(); err != nil {
		return err
	}
	if _, err := connection.Write([]byte("from go\n")); err != nil {
		return err
	}
	text := make([]byte, 12)
	if _, err := io.ReadFull(connection, text); err != nil {
		return err
	}
	fmt.Println(connection.ConnectionState().PeerCertificates[0].URIs[0], strings.TrimSpace(string(text)))
	return nil
}

func verify(chain []*x509.Certificate, roots *x509.CertPool, use x509.ExtKeyUsage, expected string) error {
	between := x509.NewCertPool()
	for _, each := range chain[1:] {
		between.AddCert(each)
	}
	options := x509.VerifyOptions{Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{use}}
	if _, err := chain[0].Verify(options); err != nil {
		return err
	}
	if len(chain[0].URIs) != 1 || chain[0].URIs[0].String() != expected {
		return fmt.Errorf("the peer is %v, not %s", chain[0].URIs, expected)
	}
	return nil
}
