import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Stands for a Spring Boot service: its ports, the paths of its actuator that the manifests use, and its graceful end, which
 * lets what is in flight finish. It says what it is told.
 */
public final class Service {
  private static final AtomicInteger inFlight = new AtomicInteger();

  public static void main(String[] arguments) throws Exception {
    HttpServer http = serverOn(8080);
    HttpServer management = serverOn(Integer.parseInt(System.getenv("MANAGEMENT_SERVER_PORT")));
    http.createContext("/", exchange -> {
      inFlight.incrementAndGet();
      try {
        if (exchange.getRequestURI().getPath().equals("/slow")) pause(3000);
        answer(exchange, "ok");
      } finally {
        inFlight.decrementAndGet();
      }
    });
    management.createContext("/actuator/health", exchange -> answer(exchange, "{\"status\":\"UP\"}"));
    management.createContext("/actuator/serviceregistry", exchange -> {
      say(exchange.getRequestMethod() + " serviceregistry " + new String(exchange.getRequestBody().readAllBytes()));
      answer(exchange, "");
    });
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      say("SIGTERM");
      while (inFlight.get() > 0) pause(20);
      http.stop(0);
      management.stop(0);
      say("ended");
    }));
    http.start();
    management.start();
    say("started");
  }

  private static HttpServer serverOn(int port) throws IOException {
    HttpServer server = HttpServer.create(new InetSocketAddress(port), 0);
    server.setExecutor(Executors.newCachedThreadPool());
    return server;
  }

  private static void answer(HttpExchange exchange, String body) throws IOException {
    exchange.sendResponseHeaders(200, body.isEmpty() ? -1 : body.length());
    if (!body.isEmpty()) exchange.getResponseBody().write(body.getBytes());
    exchange.close();
  }

  private static void pause(long milliseconds) {
    try {
      Thread.sleep(milliseconds);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static void say(String what) {
    System.out.println(what + " " + System.currentTimeMillis());
  }
}
