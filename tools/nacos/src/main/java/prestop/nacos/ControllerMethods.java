package prestop.nacos;

import com.alibaba.nacos.core.code.ControllerMethodsCache;
import javax.annotation.PostConstruct;
import org.springframework.context.annotation.Configuration;

/**
 * Tells Nacos which controllers serve the v1 paths. The vendor does this in the console module; without it
 * every v1 path answers 501.
 */
@Configuration
public class ControllerMethods {

    private final ControllerMethodsCache methodsCache;

    public ControllerMethods(ControllerMethodsCache methodsCache) {
        this.methodsCache = methodsCache;
    }

    @PostConstruct
    public void register() {
        methodsCache.initClassMethod("com.alibaba.nacos.core.controller");
        methodsCache.initClassMethod("com.alibaba.nacos.naming.controllers");
        methodsCache.initClassMethod("com.alibaba.nacos.config.server.controller");
    }
}
