// A Go exporter for the same page, written for this benchmark: client_golang, a kept connection, OpenMetrics, gzip.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

type backend struct {
	Backend string   `json:"backend"`
	Status  string   `json:"status"`
	Qubits  *float64 `json:"qubits"`
	Queue   *float64 `json:"average_queue_time"`
	KW      *float64 `json:"kw"`
	Deg     bool     `json:"degraded"`
	Loc     string   `json:"location"`
	Updated string   `json:"last_updated"`
	Char    string   `json:"characterization_id"`
}
type coll struct {
	c   *http.Client
	url string
	d   []*prometheus.Desc
}

var L = []string{"backend", "location"}

func (k *coll) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range k.d {
		ch <- d
	}
}
func b2f(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
func (k *coll) fetch() ([]backend, error) {
	r, err := k.c.Get(k.url)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if r.StatusCode != 200 {
		return nil, fmt.Errorf("status %d", r.StatusCode)
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var x []backend
	return x, json.Unmarshal(b, &x)
}
func (k *coll) Collect(ch chan<- prometheus.Metric) {
	t := time.Now()
	x, err := k.fetch()
	ch <- prometheus.MustNewConstMetric(k.d[8], prometheus.GaugeValue, b2f(err == nil))
	ch <- prometheus.MustNewConstMetric(k.d[9], prometheus.GaugeValue, time.Since(t).Seconds())
	g := func(i int, v float64, l ...string) {
		ch <- prometheus.MustNewConstMetric(k.d[i], prometheus.GaugeValue, v, l...)
	}
	for _, b := range x {
		g(0, b2f(b.Status == "available"), b.Backend, b.Loc)
		g(1, 1, b.Backend, b.Loc, b.Status)
		if b.Qubits != nil {
			g(2, *b.Qubits, b.Backend, b.Loc)
		}
		if b.Queue != nil {
			g(3, *b.Queue/1000, b.Backend, b.Loc)
		}
		if b.KW != nil {
			g(4, *b.KW, b.Backend, b.Loc)
		}
		g(5, b2f(b.Deg), b.Backend, b.Loc)
		if u, e := time.Parse(time.RFC3339Nano, b.Updated); e == nil {
			g(6, float64(u.UnixNano())/1e9, b.Backend, b.Loc)
		}
		g(7, 1, b.Backend, b.Loc, b.Char)
	}
}
func main() {
	pool := x509.NewCertPool()
	p, _ := os.ReadFile(os.Getenv("CERT"))
	pool.AppendCertsFromPEM(p)
	tr := &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 300 * time.Second, TLSClientConfig: &tls.Config{RootCAs: pool}}
	k := &coll{c: &http.Client{Transport: tr, Timeout: 8 * time.Second}, url: os.Getenv("UP")}
	n := func(s, h string, l []string) *prometheus.Desc { return prometheus.NewDesc(s, h, l, nil) }
	P := "qpu_backend_"
	k.d = []*prometheus.Desc{n(P+"up", "1 if available.", L), n(P+"status_info", "Status.", append(append([]string{}, L...), "status")), n(P+"qubits", "Qubits.", L),
		n(P+"average_queue_time_seconds", "Average queue time.", L), n(P+"power_kw", "Power.", L), n(P+"degraded", "1 if degraded.", L), n(P+"last_updated_timestamp_seconds", "Last update.", L),
		n(P+"characterization_info", "Characterization.", append(append([]string{}, L...), "characterization_id")), n("qpu_exporter_upstream_up", "up", nil), n("qpu_exporter_upstream_duration_seconds", "dur", nil)}
	reg := prometheus.NewRegistry()
	reg.MustRegister(k)
	http.Handle("/metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{EnableOpenMetrics: os.Getenv("OM") != "0"}))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
