
#include <eml_net.h>
static const float mynet_layer_0_biases[10] = { -0.004674f, 0.240203f, -0.049219f, -0.373101f, 0.084067f, 0.171068f, 0.206509f, -0.047972f, 0.447118f, -0.190198f };
static const float mynet_layer_0_weights[130] = { 0.040701f, 0.205825f, -0.208646f, 0.057736f, 0.095821f, -0.310677f, -0.208121f, 0.251063f, 0.155561f, -0.179957f, 0.171834f, -0.290574f, -0.318940f, 0.130417f, -0.417697f, -0.182850f, -0.926100f, 0.552537f, 0.056580f, 0.464315f, 0.154195f, 0.787220f, 0.354465f, 0.317157f, -0.317587f, 0.103937f, -0.628529f, 0.171583f, 0.104142f, -0.115737f, -0.301285f, 0.267897f, 0.021586f, 0.138289f, -0.359104f, 0.339446f, -0.032703f, 0.065301f, 0.346256f, 0.101881f, 0.292486f, -0.167911f, 0.164654f, -0.117661f, 0.608235f, 0.401667f, -0.100219f, -0.201886f, -0.046161f, -0.006881f, 0.108960f, -0.035073f, 0.670350f, 0.074921f, -0.007636f, -0.346758f, 0.063032f, -0.254381f, -0.124179f, -0.237264f, -0.291234f, -0.328253f, 0.292700f, -0.354841f, -0.239832f, 0.081743f, 0.193255f, -0.279579f, 0.447762f, -0.521847f, 0.318977f, 0.271219f, 0.965063f, -0.036865f, 0.249882f, -0.437289f, -0.153694f, -0.355771f, -0.318666f, -0.550326f, -0.096298f, -0.652511f, -0.487506f, 0.196653f, 0.526732f, 0.081781f, -0.236788f, -0.553118f, 0.359194f, 0.093731f, -0.027365f, -0.002774f, -0.567485f, 0.515037f, -0.059726f, -0.100535f, -0.225330f, -0.260074f, 0.821569f, -0.225897f, 0.092892f, -0.430675f, 0.501870f, 0.125938f, -0.424227f, -0.145428f, 0.428968f, 0.100541f, -0.683285f, 0.272234f, 0.073628f, 0.180274f, -0.384169f, 0.170543f, 0.308558f, -0.197245f, 0.195053f, 0.361346f, 0.569287f, 0.453772f, 0.642139f, -0.210201f, 0.229748f, 0.315523f, 0.268646f, 0.400470f, -0.434132f, -0.208982f, 0.413248f, -0.104903f };
static const float mynet_layer_1_biases[1] = { -0.644319f };
static const float mynet_layer_1_weights[10] = { 0.563360f, -0.687457f, -0.502331f, 0.480982f, 0.693543f, 0.338511f, -0.955373f, 0.544311f, 0.758070f, 0.663555f };
static float mynet_buf1[13];
static float mynet_buf2[13];
static const EmlNetLayer mynet_layers[2] = { 
{ 10, 13, mynet_layer_0_weights, mynet_layer_0_biases, EmlNetActivationRelu }, 
{ 1, 10, mynet_layer_1_weights, mynet_layer_1_biases, EmlNetActivationLogistic } };
static EmlNet mynet = { 2, mynet_layers, mynet_buf1, mynet_buf2, 13 };

    int32_t
    mynet_predict(const float *features, int32_t n_features)
    {
        return eml_net_predict(&mynet, features, n_features);
    }
    

    int32_t
    mynet_regress(const float *features, int32_t n_features, float *out, int32_t out_length)
    {
        return eml_net_regress(&mynet, features, n_features, out, out_length);
    }
    

    float
    mynet_regress1(const float *features, int32_t n_features)
    {
        return eml_net_regress1(&mynet, features, n_features);
    }
    