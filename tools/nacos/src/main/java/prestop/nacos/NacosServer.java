package prestop.nacos;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.ComponentScan;
import org.springframework.scheduling.annotation.EnableScheduling;

/**
 * The main class. The vendor's own one is in the module nacos-console, which nobody publishes; this one
 * gathers the beans of the published modules without the console.
 */
@SpringBootApplication
@EnableScheduling
@ComponentScan({"com.alibaba.nacos", "prestop.nacos"})
public class NacosServer {

    public static void main(String[] args) {
        System.setProperty("nacos.standalone", "true");
        SpringApplication.run(NacosServer.class, args);
    }
}
